/**
 * Makes domains able to sign what they send and to receive mail: by identities and receipt rules of SES, or by keys of our
 * own. Each call may be repeated, so that the same call again finishes what a crash or a lost answer left. Names are in
 * lower case and punycode. Core knows which account has a domain; here a name exists once.
 */
export type RecordStatus = 'not_started' | 'pending' | 'verified' | 'failed' | 'temporary_failure'

/** A record for the owner of the domain to publish. `name` is the full name. */
export type DomainRecord = {
  readonly record: 'DKIM' | 'SPF' | 'Receiving'
  readonly type: 'CNAME' | 'TXT' | 'MX'
  readonly name: string
  readonly value: string
  /** The preference of an MX record. */
  readonly priority?: number
  readonly status: RecordStatus
}
export type Identity = {
  /** `temporary_failure`: the state is not known at the moment. */
  readonly status: 'pending' | 'verified' | 'failed' | 'temporary_failure'
  readonly records: readonly DomainRecord[]
}

export interface Identities {
  /** The region of the identities, if they have one. */
  readonly region?: string
  /** Can mail leave with a return path in a subdomain of the sender's choice? */
  readonly ownReturnPath: boolean
  /** False if no domain can receive here. @default true */
  readonly receives?: boolean
  /** Can `create` take over an identity that exists outside of this installation? @default false */
  readonly connects?: boolean
  /**
   * Begins the verification of a domain of an account; answers as it stands if it was begun before. `returnPath` is a label. With
   * `connect` an identity that exists outside of this installation is used as it is, and `remove` gives it back.
   * @throws {MailError} `conflict` if the name is in use outside of this installation, `invalid_message`
   * @throws {StoreError} `Throttled`, `Unavailable`
   */
  create(
    domain: string,
    options: { readonly accountId: string; readonly returnPath: string; readonly connect?: boolean },
  ): Promise<Identity>
  /** Checks the identity now. Undefined if there is none. @throws {StoreError} */
  status(domain: string): Promise<Identity | undefined>
  /** Removes the identity; its name may be created again. @throws {StoreError} */
  remove(domain: string): Promise<void>
  /** Turns receiving for the domain on or off. Two calls for different domains never undo each other. @throws {StoreError} */
  receive(domain: string, on: boolean): Promise<void>
}
