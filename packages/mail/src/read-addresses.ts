import { type AddressList, mailboxesOf } from './mime/addresses.ts'
import { decodeWords } from './mime/words.ts'

/** A mailbox for people: the name decoded, the address as it was written, empty where there was none. */
export type ReadAddress = { readonly name: string; readonly address: string }

/** The mailboxes of a list, decoded. */
export function readAddresses(list: AddressList): readonly ReadAddress[] {
  return mailboxesOf(list).map(({ name, mailbox, host }) => ({
    name: decodeWords(name),
    address: host === '' ? mailbox : `${mailbox}@${host}`,
  }))
}
