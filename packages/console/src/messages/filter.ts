/** Which messages the list shows. The state is in the URL: `?show=failed&to=ada@x.test&q=hello`. */
import type { Query } from '../api/client.ts'
import type { SentStatus, Summary } from '../api/messages.ts'
import type { Route } from '../app/router.ts'

export const CHIPS = ['all', 'sent', 'received', 'captured', 'failed'] as const
export type Chip = (typeof CHIPS)[number]

export type Filter = {
  readonly chip: Chip
  /** Part of the address of a recipient. */
  readonly to: string
  readonly from: string
  /** Words of the subject. */
  readonly subject: string
}

export const EVERYTHING: Filter = { chip: 'all', to: '', from: '', subject: '' }
export const showsEverything = ({ chip, to, from, subject }: Filter) => chip === 'all' && to + from + subject === ''

const FAILED: readonly SentStatus[] = ['failed', 'bounced', 'suppressed', 'complained']

/** Whether somebody who should have got the message did not. */
export const hasFailed = ({ last_event }: Pick<Summary, 'last_event'>) =>
  last_event !== null && FAILED.includes(last_event)

export function filterOf({ query }: Route): Filter {
  const { show, q = '' } = query
  return { chip: CHIPS.find((chip) => chip === show) ?? 'all', ...parseSearch(q) }
}

/** Reads `to:` and `from:` of the search field; every other word is one of the subject. */
export function parseSearch(search: string): Omit<Filter, 'chip'> {
  const words = search.split(/\s+/).filter(Boolean)
  const field = (name: string) =>
    words.findLast((word) => word.toLowerCase().startsWith(name))?.slice(name.length) ?? ''
  return {
    to: field('to:'),
    from: field('from:'),
    subject: words.filter((word) => !/^(to|from):/i.test(word)).join(' '),
  }
}

/** The parameters of `GET /activity` that give the same messages as `matches`. */
export function queryOf({ chip, to, from, subject }: Filter): Query {
  const direction = chip === 'all' || chip === 'failed' ? undefined : chip
  return { direction, status: chip === 'failed' ? FAILED.join(',') : undefined, to, from, q: subject }
}

const CHIP_SHOWS: { readonly [C in Chip]: (message: Summary) => boolean } = {
  all: () => true,
  sent: ({ direction }) => direction === 'sent',
  received: ({ direction }) => direction === 'received',
  captured: ({ captured }) => captured,
  failed: hasFailed,
}

/** Whether a message that has just come belongs in the list. */
export function matches(filter: Filter, message: Summary): boolean {
  const has = (text: string, part: string) => text.toLowerCase().includes(part.toLowerCase())
  const { to, cc, bcc, recipients, from, subject } = message
  const addressed = [...to, ...(cc ?? []), ...(bcc ?? []), ...recipients.map(({ address }) => address)]
  return (
    CHIP_SHOWS[filter.chip](message) &&
    (filter.to === '' || addressed.some((address) => has(address, filter.to))) &&
    has(from, filter.from) &&
    filter.subject.split(' ').every((word) => has(subject, word))
  )
}
