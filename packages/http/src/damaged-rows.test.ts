import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogFields } from '@kabutar/core/ports/log.ts'
import { apiKeyKey, endpointKey, receivedMessageKey, sentMessageKey } from '@kabutar/core/store/keys.ts'
import { call, MAIL, receiveOne, setup } from '@kabutar/testing/http-rig.ts'
import { createApp } from './app.ts'

test('one bad row does not spoil a list: it is left out with an error line, and the rest is shown', async () => {
  const rig = await setup()
  const lines: string[] = []
  const log = {
    ...rig.ports.log,
    error: (message: string, { row, error }: LogFields = {}) => void lines.push(`${message} ${row} ${error}`),
  }
  const app = createApp({ ...rig.ports, log, downloads: rig.ports.blobs })
  const received = [await receiveOne(rig), await receiveOne(rig), await receiveOne(rig)]
  const sent: string[] = []
  for (let n = 0; n < 3; n++) sent.push((await call(rig, 'POST /emails', MAIL)).body.id as string)
  const keys: string[] = []
  for (let n = 0; n < 3; n++) keys.push((await call(rig, 'POST /api-keys', { name: 'k' })).body.id as string)
  const endpoint = { endpoint: 'http://127.0.0.1:1/', events: ['email.sent'] }
  const endpoints: string[] = []
  for (let n = 0; n < 3; n++) endpoints.push((await call(rig, 'POST /webhooks', endpoint)).body.id as string)
  const damaged = [receivedMessageKey('a', received[1] ?? ''), sentMessageKey('a', sent[1] ?? '')]
  for (const key of [...damaged, apiKeyKey('a', keys[1] ?? ''), endpointKey('a', endpoints[1] ?? '')]) {
    await rig.ports.table.write({ kind: 'put', item: key })
  }
  for (const [list, ids] of [
    ['/emails/receiving', received],
    ['/emails', sent],
    ['/api-keys', keys],
    ['/webhooks', endpoints],
  ] as const) {
    const { status, body } = await call({ app, token: rig.token }, `GET ${list}`)
    assert.equal(status, 200)
    const listed = (body.data as { id: string }[]).map(({ id }) => id)
    assert.deepEqual(
      ids.map((id) => listed.includes(id)),
      [true, false, true],
    )
  }
  assert.match(
    lines[0] ?? '',
    new RegExp(`left out of a list a#in#.*${received[1]}.*kind received-message has no format`),
  )
  assert.match(lines[1] ?? '', new RegExp(`left out of a list a#out#.*${sent[1]}.*kind sent-message has no format`))
  assert.match(lines[2] ?? '', new RegExp(`left out of a list a#keys ${keys[1]}.*kind api-key has no format`))
  assert.match(lines[3] ?? '', new RegExp(`left out of a list a#webhooks ${endpoints[1]}.*kind endpoint has no format`))
  assert.equal(lines.length, 4)
})
