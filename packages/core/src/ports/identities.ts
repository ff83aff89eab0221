/**
 * Domains that may sign what they send and receive mail: identities and receipt rules of SES, or keys of our own.
 * Everything may be done again: a crash in the middle, or a lost answer, is mended by the same call. A name is in lower
 * case and punycode. Whose domain it is, core knows; here a name exists once.
 */
export type RecordStatus = 'not_started' | 'pending' | 'verified' | 'failed' | 'temporary_failure'

/** A record for the owner of the domain to publish. `name` is the full name. */
export type DomainRecord = {
  readonly record: 'DKIM' | 'SPF' | 'Receiving'
  readonly type: 'CNAME' | 'TXT' | 'MX'
  readonly name: string
  readonly value: string
  /** Of an MX record. */
  readonly priority?: number
  readonly status: RecordStatus
}
export type Identity = {
  /** `temporary_failure`: nobody can tell at the moment. */
  readonly status: 'pending' | 'verified' | 'failed' | 'temporary_failure'
  readonly records: readonly DomainRecord[]
}

export interface Identities {
  /** Where the identities are, if they are in one place. */
  readonly region?: string
  /** Can mail leave with a return path in a subdomain of the sender's choice? */
  readonly ownReturnPath: boolean
  /**
   * Begins the verification of a domain; answers as it stands if it was begun before. `returnPath` is a label.
   * @throws {MailError} `conflict` if the name is in use outside of this installation, `invalid_message`
   * @throws {StoreError} `Throttled`, `Unavailable`
   */
  create(domain: string, options: { readonly returnPath: string }): Promise<Identity>
  /** Looks anew. Undefined if there is none. @throws {StoreError} */
  status(domain: string): Promise<Identity | undefined>
  /** The name may be created again afterwards. @throws {StoreError} */
  remove(domain: string): Promise<void>
  /** Is mail for the domain taken? Two calls for different domains never undo each other. @throws {StoreError} */
  receive(domain: string, on: boolean): Promise<void>
}
