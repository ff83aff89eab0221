/** Addresses as people read them: `Ada <ada@x.test>` has a name and an address. */

const NAMED = /^(.*)<([^<>]*)>$/s

/** The name, or the address if there is none. */
export function nameOf(address: string): string {
  const [, name = '', bare] = NAMED.exec(address.trim()) ?? []
  return name.trim().replace(/^"|"$/g, '').trim() || bare || address
}

export function bareAddress(address: string): string {
  return NAMED.exec(address.trim())?.[2] ?? address
}
