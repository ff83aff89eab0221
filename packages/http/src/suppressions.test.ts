import assert from 'node:assert/strict'
import { test } from 'node:test'
import { suppress } from '@kabutar/core/suppressions/suppressions.ts'
import { call, setup } from '@kabutar/testing/http-rig.ts'

test('an address is added, read by id and by address, listed and removed', async () => {
  const rig = await setup()
  const { status, body } = await call(rig, 'POST /suppressions', { email: 'Bob+x@Y.test' })
  assert.equal(status, 201)
  for (const by of [body.id, 'bob%2Bx%40y.test', 'BOB+x@y.test']) {
    const { body: read } = await call(rig, `GET /suppressions/${by}`)
    assert.deepEqual([read.id, read.email, read.origin, read.source_id], [body.id, 'Bob+x@y.test', 'manual', null])
  }
  rig.ports.clock.advance(1)
  await suppress(rig.ports, 'a', { address: 'eve@y.test', origin: 'bounce', sourceId: 'm' })
  await suppress(rig.ports, 'b', { address: 'other@y.test', origin: 'bounce' })
  const emails = async (query: string) => {
    const { body } = await call(rig, `GET /suppressions?${query}`)
    return (body.data as { email: string }[]).map(({ email }) => email)
  }
  assert.deepEqual(await emails('limit=5'), ['eve@y.test', 'Bob+x@y.test'])
  assert.deepEqual(await emails('origin=bounce'), ['eve@y.test'])
  assert.deepEqual(await emails('origin=complaint'), [])
  const removed = await call(rig, 'DELETE /suppressions/bob%2Bx%40y.test')
  assert.deepEqual(removed.body, { object: 'suppression', id: body.id, deleted: true })
  assert.equal((await call(rig, `DELETE /suppressions/${body.id}`)).status, 404)
  assert.equal((await call(rig, 'GET /suppressions/other@y.test')).status, 404, "another account's")
})

test('batches add and remove, and leave out addresses that are not suppressed', async () => {
  const rig = await setup()
  const added = await call(rig, 'POST /suppressions/batch/add', { emails: ['a@y.test', 'b@y.test', 'A@y.test'] })
  const ids = (added.body.data as { id: string }[]).map(({ id }) => id)
  assert.equal(new Set(ids).size, 2)
  const byEmail = await call(rig, 'POST /suppressions/batch/remove', { emails: ['a@y.test', 'nobody@y.test'] })
  assert.deepEqual(byEmail.body.data, [{ object: 'suppression', id: ids[0], deleted: true }])
  const byId = await call(rig, 'POST /suppressions/batch/remove', { ids: [ids[1], ids[0]] })
  assert.deepEqual(byId.body.data, [{ object: 'suppression', id: ids[1], deleted: true }])
})

test('refusals', async () => {
  const rig = await setup()
  const cases: readonly [string, unknown, number][] = [
    ['POST /suppressions', {}, 422],
    ['POST /suppressions', { email: 'nobody' }, 422],
    ['POST /suppressions/batch/add', { emails: ['a@y.test', 'nobody'] }, 422],
    ['POST /suppressions/batch/add', { emails: Array.from({ length: 101 }, (_, n) => `r${n}@y.test`) }, 422],
    ['POST /suppressions/batch/remove', { ids: ['a@y.test'] }, 422],
    ['POST /suppressions/batch/remove', {}, 422],
    ['GET /suppressions?origin=other', undefined, 422],
    ['GET /suppressions/nobody', undefined, 422],
    ['PUT /suppressions', {}, 405],
  ]
  for (const [request, body, status] of cases) {
    assert.equal((await call(rig, request, body)).status, status, `${request} ${JSON.stringify(body)?.slice(0, 60)}`)
  }
  assert.deepEqual((await call(rig, 'GET /suppressions')).body.data, [], 'nothing of a refused batch is kept')
  const { body } = await call(rig, 'POST /suppressions/batch/add', { emails: ['a@y.test', 'nobody'] })
  assert.match(String(body.message), /^Invalid `emails\.1` field \("nobody"\)\./)
})
