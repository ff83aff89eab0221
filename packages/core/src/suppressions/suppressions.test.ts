import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Rig, testPorts } from '@kabutar/testing/sending-rig.ts'
import { getSuppression, listSuppressions, removeSuppression, suppress, suppressedAmong } from './suppressions.ts'

const manual = (address: string) => ({ address, origin: 'manual' }) as const
const listed = async (ports: Rig, options: Parameters<typeof listSuppressions>[2]) => {
  const { items: suppressions, hasMore } = await listSuppressions(ports.table, 'a', options)
  return [suppressions.map(({ address }) => address.split('@')[0]).join(' '), hasMore]
}

test('an address is on the list once, whatever its case and however many calls put it there at once', async () => {
  const ports = await testPorts()
  const spelled = ['Bob@y.test', 'bob@y.test', 'BOB@y.test']
  const made = await Promise.all(spelled.map((address) => suppress(ports, 'a', manual(address))))
  assert.equal(new Set(made.map(({ id }) => id)).size, 1)
  assert.deepEqual(await listed(ports, { limit: 10 }), ['Bob', false])
  const found = await suppressedAmong(ports.table, 'a', ['bob@Y.test', 'eve@y.test'])
  assert.deepEqual([...found.keys()], ['bob@Y.test'])
  assert.deepEqual([...(await suppressedAmong(ports.table, 'b', ['bob@y.test'])).keys()], [], 'of another account')
})

test('the first origin stays, until the address is removed by id or by address', async () => {
  const ports = await testPorts()
  const { id } = await suppress(ports, 'a', { address: 'bob@y.test', origin: 'bounce', sourceId: 'm1' })
  await suppress(ports, 'a', { address: 'bob@y.test', origin: 'complaint', sourceId: 'm2' })
  for (const by of [id, 'BOB@y.test']) {
    const { origin, sourceId } = await getSuppression(ports.table, 'a', by)
    assert.deepEqual([origin, sourceId], ['bounce', 'm1'])
  }
  for (const by of ['bob@y.test', 'id']) {
    const { id } = await suppress(ports, 'a', manual('bob@y.test'))
    await removeSuppression(ports.table, 'a', by === 'id' ? id : by)
    assert.equal((await suppressedAmong(ports.table, 'a', ['bob@y.test'])).size, 0)
    assert.deepEqual(await listed(ports, { limit: 10 }), ['', false])
    await assert.rejects(removeSuppression(ports.table, 'a', id), { code: 'not_found' })
    await assert.rejects(getSuppression(ports.table, 'a', 'bob@y.test'), { code: 'not_found' })
  }
})

test('lists page both ways, newest first, also of one origin', async () => {
  const ports = await testPorts()
  const ids: string[] = []
  for (let n = 0; n < 250; n++) {
    const origin = n % 100 === 0 ? 'bounce' : 'manual'
    ids.push((await suppress(ports, 'a', { address: `r${n}@y.test`, origin })).id)
    ports.clock.advance(1)
  }
  const [after = '', before = ''] = [ids[248], ids[245]]
  assert.deepEqual(await listed(ports, { limit: 2 }), ['r249 r248', true])
  assert.deepEqual(await listed(ports, { limit: 2, after }), ['r247 r246', true])
  assert.deepEqual(await listed(ports, { limit: 2, before }), ['r247 r246', true])
  assert.deepEqual(await listed(ports, { limit: 9, before }), ['r249 r248 r247 r246', false])
  assert.deepEqual(await listed(ports, { limit: 2, origin: 'bounce' }), ['r200 r100', true])
  assert.deepEqual(await listed(ports, { limit: 3, origin: 'bounce' }), ['r200 r100 r0', false])
  assert.equal((await listSuppressions(ports.table, 'a', { limit: 249 })).hasMore, true)
  assert.equal((await listSuppressions(ports.table, 'a', { limit: 250 })).hasMore, false)
})
