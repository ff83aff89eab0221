import type { Context } from 'hono'

export const HEALTH_REASONS = [
  'relay_failing',
  'dead_letters',
  'storage_full',
  'storage_read_only',
  'storage_failing',
] as const
/** `degraded`: mail is accepted, and something needs the operator. `unavailable`: nothing can be accepted now. */
export type Health = {
  readonly status: 'ok' | 'degraded' | 'unavailable'
  readonly reasons: readonly (typeof HEALTH_REASONS)[number][]
}

/** GET /health, without a key: so the reasons are codes that name nothing of the installation. */
export async function answerHealth(c: Context, health: Promise<Health> | undefined): Promise<Response> {
  const { status, reasons } = (await health) ?? { status: 'ok', reasons: [] }
  return c.json({ status, ...(reasons.length > 0 && { reasons }) }, status === 'unavailable' ? 503 : 200)
}
