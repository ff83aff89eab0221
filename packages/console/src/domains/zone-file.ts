import type { DomainRecord } from '../api/resources.ts'

/** The octets of one character string of a TXT record (RFC 1035 section 3.3). */
const MAX_STRING = 255

/** Writes the records as lines of a zone file (RFC 1035 section 5.1), which most DNS hosts import. */
export function zoneFile(records: readonly DomainRecord[]): string {
  return records.map((record) => `${record.name}.\tIN\t${record.type}\t${dataOf(record)}\n`).join('')
}

function dataOf({ type, value, priority = 10 }: DomainRecord): string {
  if (type === 'TXT') return characterStrings(value)
  const target = value.endsWith('.') ? value : `${value}.`
  return type === 'MX' ? `${priority} ${target}` : target
}

const characterStrings = (text: string) =>
  (text.match(new RegExp(`.{1,${MAX_STRING}}`, 'gs')) ?? [''])
    .map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`)
    .join(' ')
