import type { ComponentChildren } from 'preact'
import { useCallback, useEffect, useState } from 'preact/hooks'
import { Failed, Loading } from './states.tsx'

type State<T> = { readonly value?: T; readonly error?: unknown; readonly reload: () => void }

/**
 * Loads what `load` gives, and again when `key` changes. An answer for an earlier key is dropped. Another `revision` loads
 * again too, and what was there is shown until the answer comes.
 */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>, revision = ''): State<T> {
  const [state, setState] = useState<{ readonly key: string; readonly value?: T; readonly error?: unknown }>({ key })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const ended = new AbortController()
    load(ended.signal).then(
      (value) => !ended.signal.aborted && setState({ key, value }),
      (error: unknown) => !ended.signal.aborted && setState((before) => ({ ...before, key, error })),
    )
    return () => ended.abort()
  }, [key, revision, turn])
  const reload = useCallback(() => setTurn((before) => before + 1), [])
  return state.key === key ? { ...state, reload } : { reload }
}

type Reloaded = {
  readonly value?: unknown
  readonly error?: unknown
  readonly busy?: boolean
  readonly reload: () => void
}

/** Loads again `everyMs` after the last load has ended, while the page is seen: a slow answer is not cut off by the next request. */
export function useReloading({ value, error, busy = false, reload }: Reloaded, everyMs: number): void {
  useEffect(() => {
    if (busy) return
    const timer = setInterval(() => {
      if (document.hidden) return
      clearInterval(timer)
      reload()
    }, everyMs)
    return () => clearInterval(timer)
  }, [value, error, busy, everyMs])
}

type Props<T> = { readonly of: State<T>; readonly children: (value: T) => ComponentChildren }

/** Shows the value once it is there; what was there stays while it is loaded again. */
export function Loaded<T>({ of, children }: Props<T>) {
  if (of.value !== undefined) return <>{children(of.value)}</>
  if (of.error !== undefined) return <Failed error={of.error} retry={of.reload} />
  return <Loading />
}
