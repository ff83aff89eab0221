import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { startServer } from './server.ts'

test('the server starts, stops with 0, comes back at the same address after a kill, and leaves nothing', async () => {
  const server = await startServer()
  const { url, pid } = server
  try {
    const health = await fetch(`${url}/health`)
    assert.deepEqual(await health.json(), { status: 'ok' })
    const list = await fetch(`${url}/emails`, { headers: { Authorization: `Bearer ${server.apiKey}` } })
    assert.equal(list.status, 200, await list.text())
    await server.kill()
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    await server.restart()
    assert.equal(server.url, url)
    assert.notEqual(server.pid, pid)
    assert.equal(await server.stop(), 0)
  } finally {
    await server.close()
  }
  assert.ok(!existsSync(server.dataFolder))
})

test('a server that cannot start says why', async () => {
  await assert.rejects(startServer({ env: { KABUTAR_LOG: 'loud' } }), /KABUTAR_LOG: must be one of/)
})
