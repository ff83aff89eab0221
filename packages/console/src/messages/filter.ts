/** Filters the messages of the list. The state is in the URL: `?show=failed&q=to:ada@x.test hello`. */
import type { Query } from '../api/client.ts'
import type { SentStatus, Summary, Tag } from '../api/messages.ts'
import type { Route } from '../app/router.ts'

export const CHIPS = ['all', 'sent', 'received', 'captured', 'failed'] as const
export type Chip = (typeof CHIPS)[number]

export type Filter = {
  readonly chip: Chip
  /** Part of the address of a recipient. */
  readonly to: string
  readonly from: string
  /** Part of a tag, written as `name:value`. */
  readonly tag: string
  /** Each is in the subject, the first words or an address. */
  readonly words: string
}

export const EVERYTHING: Filter = { chip: 'all', to: '', from: '', tag: '', words: '' }
export const showsEverything = ({ chip, to, from, tag, words }: Filter) =>
  chip === 'all' && to + from + tag + words === ''

const FAILED: readonly SentStatus[] = ['failed', 'bounced', 'suppressed', 'complained']

/** True if somebody who should have got the message did not. */
export const hasFailed = ({ last_event }: Pick<Summary, 'last_event'>) =>
  last_event !== null && FAILED.includes(last_event)

export function filterOf({ query }: Route): Filter {
  const { show, q = '' } = query
  return { chip: CHIPS.find((chip) => chip === show) ?? 'all', ...parseSearch(q) }
}

/** Reads `to:`, `from:` and `tag:` of the search field; every other word is one of what the list shows. */
export function parseSearch(search: string): Omit<Filter, 'chip'> {
  const words = search.split(/\s+/).filter(Boolean)
  const field = (name: string) =>
    words.findLast((word) => word.toLowerCase().startsWith(name))?.slice(name.length) ?? ''
  return {
    to: field('to:'),
    from: field('from:'),
    tag: field('tag:'),
    words: words.filter((word) => !/^(to|from|tag):/i.test(word)).join(' '),
  }
}

/** Makes the parameters of `GET /activity` that give the same messages as `matches`. */
export function queryOf({ chip, to, from, tag, words }: Filter): Query {
  const direction = chip === 'all' || chip === 'failed' ? undefined : chip
  return { direction, status: chip === 'failed' ? FAILED.join(',') : undefined, to, from, tag, q: words }
}

const CHIP_SHOWS: { readonly [C in Chip]: (message: Summary) => boolean } = {
  all: () => true,
  sent: ({ direction }) => direction === 'sent',
  received: ({ direction }) => direction === 'received',
  captured: ({ captured }) => captured,
  failed: hasFailed,
}

/** Writes a tag as the search field and the API have it. */
export const textOfTag = ({ name, value }: Tag) => `${name}:${value}`

/** True if a message that has just come belongs in the list. */
export function matches(filter: Filter, message: Summary): boolean {
  const has = (text: string, part: string) => text.toLowerCase().includes(part.toLowerCase())
  const { to, cc, bcc, recipients, from, tags, subject, preview } = message
  const addressed = [...to, ...(cc ?? []), ...(bcc ?? []), ...recipients.map(({ address }) => address)]
  return (
    CHIP_SHOWS[filter.chip](message) &&
    (filter.to === '' || addressed.some((address) => has(address, filter.to))) &&
    has(from, filter.from) &&
    (filter.tag === '' || tags.some((one) => has(textOfTag(one), filter.tag))) &&
    filter.words.split(' ').every((word) => [subject, preview, from, ...addressed].some((text) => has(text, word)))
  )
}
