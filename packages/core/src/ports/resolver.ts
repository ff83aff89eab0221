export type Address = { readonly address: string; readonly family: 4 | 6 }

/** Looks up the addresses of host names. Answers are not cached, since each caller checks the address that it connects to. */
export interface Resolver {
  /** Every address of the name, in the order to try. Rejects if there is none. */
  lookup(hostname: string): Promise<readonly Address[]>
}

/** Looks up DNS records. A name without any gives an empty list; a rejection means that the answer is not known now. */
export interface Records {
  /** The strings of each record joined. */
  txt(name: string): Promise<readonly string[]>
  /** Names in lower case, without a dot at the end. */
  mx(name: string): Promise<readonly { readonly exchange: string; readonly priority: number }[]>
}
