/** Reads addresses as people write them: `Ada <ada@x.test>` has a name and an address. */

const NAMED = /^(.*)<([^<>]*)>$/s

/** Returns the name, or the address if there is none. */
export function nameOf(address: string): string {
  const [, name = '', bare] = NAMED.exec(address.trim()) ?? []
  return name.trim().replace(/^"|"$/g, '').trim() || bare || address
}

export const domainOf = (address: string): string => bareAddress(address).split('@').at(-1)?.toLowerCase() ?? ''

export function bareAddress(address: string): string {
  return NAMED.exec(address.trim())?.[2] ?? address
}
