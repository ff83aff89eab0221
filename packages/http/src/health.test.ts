import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogFields } from '@kabutar/core/ports/log.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { MAIL, setup } from '@kabutar/testing/http-rig.ts'
import { createApp } from './app.ts'
import type { Health } from './health.ts'

const CASES: readonly { health: Health; status: number; body: object }[] = [
  { health: { status: 'ok', reasons: [] }, status: 200, body: { status: 'ok' } },
  {
    health: { status: 'degraded', reasons: ['relay_failing', 'dead_letters'] },
    status: 200,
    body: { status: 'degraded', reasons: ['relay_failing', 'dead_letters'] },
  },
  {
    health: { status: 'unavailable', reasons: ['storage_full'] },
    status: 503,
    body: { status: 'unavailable', reasons: ['storage_full'] },
  },
]
for (const { health, status, body } of CASES) {
  test(`GET /health answers ${status} while the server is ${health.status}`, async () => {
    const { ports } = await setup()
    const app = createApp({ ...ports, downloads: ports.blobs }, { health: async () => health })
    const answer = await app.request('/health')
    assert.deepEqual([answer.status, await answer.json()], [status, body])
  })
}

test('requests are logged at debug without query and content, and 503 as an error', async () => {
  const { ports, token } = await setup()
  const lines: [string, string, LogFields | undefined][] = []
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push([level, message, fields])
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const writeInOrder = () => Promise.reject(new StoreError('Unavailable', 'the disk is full'))
  const app = createApp({ ...ports, downloads: ports.blobs, log, table: { ...ports.table, writeInOrder } })
  const headers = { Authorization: `Bearer ${token}` }
  await app.request('/emails?limit=7', { headers })
  const refused = await app.request('/emails', { method: 'POST', headers, body: JSON.stringify(MAIL) })
  assert.equal(refused.status, 503)
  const requests = lines.filter(([level, message]) => level === 'debug' && message === 'request')
  assert.deepEqual(
    requests.map(([, , fields]) => [fields?.method, fields?.path, fields?.status]),
    [
      ['GET', '/emails', 200],
      ['POST', '/emails', 503],
    ],
  )
  const [error] = lines.filter(([level]) => level === 'error')
  assert.deepEqual([error?.[1], error?.[2]?.status], ['a request failed', 503])
  assert.ok(!JSON.stringify(lines).includes(token))
})
