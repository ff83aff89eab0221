import { MAX_ADDRESSES, MAX_FIELDS, MAX_HEADER_LENGTH } from '../limits.ts'
import { type Field, listFields } from '../mime/fields.ts'
import { tidyAddresses } from './addresses.ts'
import { type Decoders, fieldText, oneLine } from './mailparser.ts'

/** A mailbox to show: the name is decoded, the address as written, empty if it is missing. */
export type ReadAddress = { readonly name: string; readonly address: string }
export const ADDRESS_FIELDS = ['from', 'to', 'cc', 'bcc', 'replyTo'] as const
type AddressField = (typeof ADDRESS_FIELDS)[number]

/** A decoded header. Members of groups are in the address lists; a list without its field is empty. */
export type HeaderReading = Readonly<Record<AddressField, readonly ReadAddress[]>> & {
  readonly subject: string
  /** All fields in order, with their names as written. */
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  /** Names the address fields that a limit cut; `headers` for the list of all fields. */
  readonly truncated: readonly string[]
}

export function readHeader(decoders: Decoders, header: Uint8Array, fallback: string): HeaderReading {
  const fields = listFields(header, MAX_FIELDS + 1)
  const texts = fields.slice(0, MAX_FIELDS).map(({ value }) => fieldText(decoders, value, fallback))
  const named = (name: string) => texts.filter((_, i) => isNamed(fields[i], name))
  const decoded = (text: string) => oneLine(text.includes('=?') ? decoders.libmime.decodeWords(text) : text)
  const truncated = fields.length > MAX_FIELDS ? ['headers'] : []
  let left = MAX_HEADER_LENGTH
  const within = <T>(name: AddressField | 'headers', all: readonly T[]) => {
    const end = all.findIndex((one) => {
      left -= JSON.stringify(one).length
      return left < 0
    })
    if (end >= 0) truncated.push(name)
    return end >= 0 ? all.slice(0, end) : all
  }
  const addresses = (field: AddressField) => {
    const all = addressesIn(decoders, named(field === 'replyTo' ? 'reply-to' : field))
    if (all.length > MAX_ADDRESSES) truncated.push(field)
    return within(field, all.slice(0, MAX_ADDRESSES))
  }
  return {
    subject: decoded(named('subject')[0] ?? ''),
    from: addresses('from'),
    to: addresses('to'),
    cc: addresses('cc'),
    bcc: addresses('bcc'),
    replyTo: addresses('replyTo'),
    headers: within(
      'headers',
      texts.map((text, i) => ({ name: fields[i]!.name, value: decoded(text) })),
    ),
    truncated,
  }
}

const isNamed = (field: Field | undefined, name: string) => field?.name.toLowerCase() === name

/** Reads a repeated field as one long list. */
function addressesIn(decoders: Decoders, values: readonly string[]): readonly ReadAddress[] {
  const { value } = decoders.parseAddressHeader(values.map(tidyAddresses), { flatten: true, decodePunycode: false })
  return value
    .map(({ name = '', address = '' }) => ({ name: oneLine(name), address: oneLine(address) }))
    .filter(({ name, address }) => name !== '' || address !== '')
}
