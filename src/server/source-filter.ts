import { BlockList, isIP } from 'node:net'

/** A range of addresses; the form of the settings `allow-from` and `trusted-proxies`. */
export interface SourceRange {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** An IPv4 address in the dress of IPv6 counts as IPv4. */
const plain = (address: string): string => /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address

/** Judges addresses by ranges. */
export class SourceFilter {
  readonly #list = new BlockList()
  /** No range at all. */
  readonly empty: boolean

  constructor(ranges: readonly SourceRange[]) {
    this.empty = ranges.length === 0
    for (const { address, prefix, family } of ranges) {
      this.#list.addSubnet(address, prefix, family)
    }
  }

  /** Is the address in one of the ranges; what is no address is in none. */
  has(address: string): boolean {
    const bare = plain(address.split('%')[0] ?? '')
    const version = isIP(bare)
    return version !== 0 && this.#list.check(bare, version === 4 ? 'ipv4' : 'ipv6')
  }
}
