/** Calls the API on the page's own origin. Every answer is JSON; an error has the API's form. */

/** A refusal of the API, with its own sentence, or `status` 0 if the server could not be reached. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The path of the API on the page's own origin, in the single process and on AWS. */
export const API = '/api'

export type Query = { readonly [name: string]: string | number | undefined }
export type Api = {
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  patch<T>(path: string, body: unknown): Promise<T>
  delete<T>(path: string): Promise<T>
}

export type ApiOptions = {
  readonly fetch: typeof fetch
  /** The API key of this tab, if somebody signed in with one. */
  readonly key: () => string | undefined
  /** Called when the server no longer takes the key or the session. */
  readonly onUnauthorized: () => void
}

type Request = { readonly method: string; readonly body?: unknown; readonly signal?: AbortSignal | undefined }

/** Each call throws an {@link ApiError} if it is refused, and an `AbortError` if `signal` ended it. */
export function createApi(options: ApiOptions): Api {
  const call = <T>(path: string, request: Request) => send<T>(options, path, request)
  return {
    get: (path, query = {}, signal) => call(path + queryOf(query), { method: 'GET', signal }),
    post: (path, body = {}) => call(path, { method: 'POST', body }),
    patch: (path, body) => call(path, { method: 'PATCH', body }),
    delete: (path) => call(path, { method: 'DELETE' }),
  }
}

/** Refusals of the key or the session itself, not of what was asked with it. */
const SIGNED_OUT: ReadonlySet<string> = new Set(['missing_api_key', 'invalid_api_key', 'invalid_access'])

async function send<T>(options: ApiOptions, path: string, { method, body, signal }: Request): Promise<T> {
  const key = options.key()
  const headers = {
    // Other sites cannot send it without permission, so the server can tell the page's requests from theirs.
    'Kabutar-Console': '1',
    ...(key !== undefined && { Authorization: `Bearer ${key}` }),
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
  }
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }), ...(signal && { signal }) }
  const answer = await options.fetch(API + path, init).catch((error: unknown) => {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'unreachable', 'The server cannot be reached.')
  })
  if (!answer.ok) {
    const error = await errorOf(answer)
    if (SIGNED_OUT.has(error.code)) options.onUnauthorized()
    throw error
  }
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T)
}

async function errorOf(answer: Response): Promise<ApiError> {
  const { name, message } = await answer.json().catch(() => ({}))
  return new ApiError(
    answer.status,
    String(name ?? 'error'),
    String(message ?? `${answer.status} ${answer.statusText}`),
  )
}

function queryOf(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
