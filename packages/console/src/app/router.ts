/**
 * Keeps the state of the page in the fragment of its URL: `#/messages/ID?tab=timeline&status=failed`. The paths of the
 * origin belong to the API, and a fragment is never sent to a server or written to its log.
 */
import { type ReadonlySignal, signal } from '@preact/signals'

export type Route = {
  readonly path: readonly string[]
  readonly query: { readonly [name: string]: string }
}
type RouteChange = { readonly [name: string]: string | undefined }

export type Router = {
  readonly current: ReadonlySignal<Route>
  /** Opens a path. What is not in `query` is left out of the URL. `replace` adds no entry to the history. */
  go(path: readonly string[], query?: RouteChange, options?: { readonly replace: boolean }): void
  /** Changes parameters of the current path; undefined removes one. Adds no entry to the history. */
  set(change: RouteChange): void
  href(path: readonly string[], query?: RouteChange): string
}

export function parseHash(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s)
  return {
    path: path.split('/').filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  }
}

export function formatHash(path: readonly string[], query: RouteChange = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []))
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`
  return `#/${path.map(encodeURIComponent).join('/')}${search}`
}

/** A segment that is no valid encoding stays as it is. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

export function createRouter(window: Window): Router {
  const current = signal(parseHash(window.location.hash))
  window.addEventListener('hashchange', () => {
    current.value = parseHash(window.location.hash)
  })
  const open = (hash: string, replace: boolean) => {
    if (replace) window.history.replaceState(null, '', hash)
    else if (hash !== window.location.hash) window.history.pushState(null, '', hash)
    current.value = parseHash(hash)
  }
  return {
    current,
    go: (path, query, options) => open(formatHash(path, query), options?.replace ?? false),
    set: (change) => {
      const { path, query } = current.value
      open(formatHash(path, { ...query, ...change }), true)
    },
    href: formatHash,
  }
}
