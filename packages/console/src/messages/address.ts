/** Addresses as people read them: `Ada <ada@x.test>` has a name and an address. */

const NAMED = /^\s*"?(.*?)"?\s*<([^<>]*)>\s*$/

/** The name, or the address if there is none. */
export function nameOf(address: string): string {
  const [, name, bare] = NAMED.exec(address) ?? []
  return name || bare || address
}

export function bareAddress(address: string): string {
  return NAMED.exec(address)?.[2] ?? address
}
