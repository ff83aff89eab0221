/** Loads a list of the API page by page. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Query } from '../api/client.ts'
import type { List } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'

const PAGE = 50
/** The most that one request reads. */
export const MAX_PAGE = 100

type State<T> = {
  readonly key: string
  /** Undefined until the first page is there. */
  readonly rows?: readonly T[]
  readonly more: boolean
  readonly busy: boolean
  readonly error?: unknown
}
export type Paged<T> = Omit<State<T>, 'key'> & {
  loadMore(): void
  /** Reads what is shown again, up to 100 rows. */
  reload(): void
  /** Takes out a row that was deleted. */
  drop(id: string): void
}

/** Starts afresh when the path or the query changes. An answer for an earlier one is dropped. */
export function usePaged<T extends { readonly id: string }>(path: string, query: Query = {}): Paged<T> {
  const { api } = useConsole()
  const key = `${path}?${JSON.stringify(query)}`
  const [state, setState] = useState<State<T>>({ key, more: false, busy: true })
  const reading = useRef<AbortController>(undefined)
  const read = useCallback(
    async (before: readonly T[], limit: number) => {
      reading.current?.abort()
      const started = new AbortController()
      const { signal } = started
      reading.current = started
      setState((was) => (was.key === key ? { ...was, busy: true } : { key, more: false, busy: true }))
      try {
        const page = await api.get<List<T>>(path, { ...query, limit, after: before.at(-1)?.id }, signal)
        if (!signal.aborted) setState({ key, rows: [...before, ...page.data], more: page.has_more, busy: false })
      } catch (error) {
        if (!signal.aborted) setState((was) => ({ ...was, busy: false, error }))
      }
    },
    [api, key],
  )
  useEffect(() => {
    void read([], PAGE)
    return () => reading.current?.abort()
  }, [read])
  const shown: State<T> = state.key === key ? state : { key, more: false, busy: true }
  return {
    ...shown,
    loadMore: () => void read(shown.rows ?? [], PAGE),
    reload: () => void read([], Math.min(MAX_PAGE, Math.max(PAGE, shown.rows?.length ?? 0))),
    drop: (id) => setState((was) => ({ ...was, ...(was.rows && { rows: was.rows.filter((row) => row.id !== id) }) })),
  }
}
