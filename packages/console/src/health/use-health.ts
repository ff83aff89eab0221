import { ApiError } from '../api/client.ts'
import type { Health } from '../api/resources.ts'
import { type Console, useConsole } from '../app/console.ts'
import { useLoaded, useReloading } from '../ui/loaded.tsx'

/** Asks the server how it is, and again each `everyMs` while the page is seen. */
export function useHealth(everyMs: number) {
  const { api } = useConsole()
  const health = useLoaded('health', (signal) => readHealth(api, signal))
  useReloading(health, everyMs)
  return health
}

/** A server that can accept nothing says so with status 503. */
async function readHealth(api: Console['api'], signal: AbortSignal): Promise<Health> {
  try {
    return await api.get<Health>('/health', {}, signal)
  } catch (error) {
    if (error instanceof ApiError && error.status === 503) return { status: 'unavailable' }
    throw error
  }
}
