/** Keeps the live list of messages: pages of the past, and what comes while the page is open, newest first. */
import { computed, type ReadonlySignal, signal } from '@preact/signals'
import { ApiError } from '../api/client.ts'
import { type Live, type LiveOptions, type LiveState, startLive } from '../api/live.ts'
import type { ActivityPage, Changes, Summary } from '../api/messages.ts'
import { domainOf } from './address.ts'
import { EVERYTHING, type Filter, matches, queryOf } from './filter.ts'
import { Selection } from './selection.ts'

const PAGE = 100
/** Rows beyond these are dropped from the end, and read again when somebody scrolls there. */
const MAX_ROWS = 20_000
const MAX_WAITING = 500
/** Pages without a row that are read one after the other: the API answers one after it has looked at 2,000 messages. */
const MAX_EMPTY_PAGES = 10

export type ListState = 'loading' | 'ready' | 'failed'

type Options = Omit<LiveOptions, 'cursor' | 'changed'> & {
  /** Called with messages that have just come and match the filter. */
  readonly arrived: (messages: readonly Summary[]) => void
}

export class MessageList {
  readonly #options: Options
  readonly #rows = signal<readonly Summary[]>([])
  readonly #state = signal<ListState>('loading')
  readonly #next = signal<string | null>(null)
  readonly #unread = signal<ReadonlySet<string>>(new Set())
  readonly #paused = signal(false)
  readonly #waiting = signal<readonly Changes[]>([])
  readonly #live = signal<Live | undefined>(undefined)
  readonly #hidden = new Set<string>()
  #filter: Filter = EVERYTHING
  #reading: AbortController | undefined
  #error: ApiError | undefined

  constructor(options: Options) {
    this.#options = options
  }

  readonly rows: ReadonlySignal<readonly Summary[]> = this.#rows
  readonly state: ReadonlySignal<ListState> = this.#state
  /** Messages that came while the page was open and have not been opened yet. */
  readonly unread: ReadonlySignal<ReadonlySet<string>> = this.#unread
  readonly hasMore = computed(() => this.#next.value !== null)
  readonly selection = new Selection(this.#rows)
  /** True if the sent messages of the list have senders in several domains. */
  readonly severalSenders = computed(() => hasSeveralSenders(this.#rows.value))
  readonly live = computed((): LiveState | 'paused' => {
    return this.#paused.value ? 'paused' : (this.#live.value?.state.value ?? 'catching-up')
  })
  /** Counts the changes that came since the list was paused. */
  readonly waiting = computed(() => this.#waiting.value.reduce((sum, { data }) => sum + data.length, 0))

  get error(): ApiError | undefined {
    return this.#error
  }

  /** Reads the first page of what `filter` shows. A page that is still being read for another filter is dropped. */
  async show(filter: Filter): Promise<void> {
    this.#filter = filter
    this.selection.clear()
    this.#state.value = 'loading'
    this.#next.value = null
    await this.#read(undefined)
  }

  async more(): Promise<void> {
    const after = this.#next.value
    if (after === null || this.#state.value === 'loading') return
    this.#state.value = 'loading'
    await this.#read(after)
  }

  async #read(after: string | undefined): Promise<void> {
    this.#reading?.abort()
    const reading = new AbortController()
    this.#reading = reading
    try {
      const page = await this.#pageAfter(after, reading.signal)
      const before = after === undefined ? [] : this.#rows.value
      this.#rows.value = this.#merged(before, page.data)
      this.#next.value = page.has_more ? page.next : null
      this.#state.value = 'ready'
      if (page.cursor !== undefined) this.#follow(page.cursor)
    } catch (error) {
      if (reading.signal.aborted) return
      if (!(error instanceof ApiError)) throw error
      this.#error = error
      this.#state.value = 'failed'
    }
  }

  /** Reads on over pages on which nothing matches. The cursor is that of the first. */
  async #pageAfter(after: string | undefined, ended: AbortSignal): Promise<ActivityPage> {
    const read = (from: string | undefined) => {
      const query = { ...queryOf(this.#filter), after: from, limit: PAGE }
      return this.#options.api.get<ActivityPage>('/activity', query, ended)
    }
    const { cursor, ...first } = await read(after)
    let page: ActivityPage = first
    for (let n = 1; n < MAX_EMPTY_PAGES && page.data.length === 0 && page.next !== null; n++)
      page = await read(page.next)
    return { ...page, ...(cursor !== undefined && { cursor }) }
  }

  /** Changes are followed once, from the first page on; a later page may repeat what they brought. */
  #follow(cursor: string): void {
    if (this.#live.value !== undefined) return
    const { api, account, browser } = this.#options
    this.#live.value = startLive({ api, account, browser, cursor, changed: (changes) => this.#changed(changes) })
  }

  #changed(changes: Changes): void {
    if (changes.data.length === 0 && changes.deleted.length === 0 && !changes.reset) return
    if (this.#paused.value) this.#waiting.value = [...this.#waiting.value, changes].slice(-MAX_WAITING)
    else this.#apply(changes)
  }

  #apply({ data, deleted, reset }: Changes): void {
    if (reset) return void this.show(this.#filter)
    const known = new Map(this.#rows.value.map((row) => [row.id, row]))
    const fitting = data.filter((message) => matches(this.#filter, message))
    const oldest = this.#next.value === null ? '' : (this.#rows.value.at(-1)?.id ?? '')
    const fresh = fitting.filter(({ id }) => !known.has(id) && id > oldest)
    const gone = new Set([...deleted, ...data.filter((one) => !fitting.includes(one)).map(({ id }) => id)])
    this.#rows.value = this.#merged(
      this.#rows.value,
      fitting.filter(({ id }) => id >= oldest),
    ).filter(({ id }) => !gone.has(id))
    if (fresh.length === 0) return
    this.#unread.value = new Set([...this.#unread.value, ...fresh.map(({ id }) => id)])
    this.#options.arrived(fresh)
  }

  pause(): void {
    this.#paused.value = true
  }

  /** Shows what came in the meantime. If that was too much to keep, the list is read anew. */
  resume(): void {
    const waiting = this.#waiting.value
    this.#waiting.value = []
    this.#paused.value = false
    if (waiting.length >= MAX_WAITING) void this.show(this.#filter)
    else for (const changes of waiting) this.#apply(changes)
  }

  markRead(id: string): void {
    if (this.#unread.value.has(id)) this.#unread.value = new Set([...this.#unread.value].filter((one) => one !== id))
  }

  markAllRead(): void {
    this.#unread.value = new Set()
  }

  /** Takes out a message that the reader is deleting, and returns its neighbour. */
  hide(id: string): Summary | undefined {
    const rows = this.#rows.value
    const at = rows.findIndex((row) => row.id === id)
    this.drop(new Set([id]))
    return rows[at + 1] ?? rows[at - 1]
  }

  /** Takes out messages that were deleted. */
  drop(ids: ReadonlySet<string>): void {
    for (const id of ids) this.#hidden.add(id)
    this.#unread.value = this.#unread.value.difference(ids)
    this.#rows.value = this.#rows.value.filter(({ id }) => !ids.has(id))
  }

  /** Shows a hidden message again. */
  putBack(id: string): void {
    this.#hidden.delete(id)
    void this.show(this.#filter)
  }

  stop(): void {
    this.#reading?.abort()
    this.#live.value?.stop()
  }

  /** Merges rows by id, newest first: an id is a UUIDv7, which sorts by time. */
  #merged(rows: readonly Summary[], more: readonly Summary[]): readonly Summary[] {
    if (more.length === 0) return rows
    const byId = new Map([...rows, ...more].map((row) => [row.id, row]))
    const sorted = [...byId.values()].filter(({ id }) => !this.#hidden.has(id)).sort((a, b) => (a.id < b.id ? 1 : -1))
    return sorted.slice(0, MAX_ROWS)
  }
}

function hasSeveralSenders(rows: readonly Summary[]): boolean {
  const first = rows.find(({ direction }) => direction === 'sent')
  if (first === undefined) return false
  const domain = domainOf(first.from)
  return rows.some(({ direction, from }) => direction === 'sent' && domainOf(from) !== domain)
}
