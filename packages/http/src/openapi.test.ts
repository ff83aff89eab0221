import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setup } from '@kabutar/testing/http-rig.ts'
import { openApi } from './openapi.ts'
import { OPERATIONS } from './operations.ts'
import { QUERY } from './query.ts'

const FILE = new URL('../../../docs/openapi.json', import.meta.url)

test('docs/openapi.json agrees with the schemas; UPDATE=1 writes it', () => {
  const text = `${JSON.stringify(openApi(), null, 2)}\n`
  if (process.env.UPDATE === '1') writeFileSync(FILE, text)
  assert.equal(readFileSync(FILE, 'utf8'), text)
})

test('every route is described, and nothing else', async () => {
  const { app } = await setup()
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method.toLowerCase()} ${path}`)
  const described = OPERATIONS.map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual([...new Set(routes)].sort(), described.sort())
})

test('query parameters are known to the routes that describe them', () => {
  for (const { method, path, query = {}, paged } of OPERATIONS) {
    const described = [
      ...Object.keys(query),
      ...(paged ? ['limit', 'after'] : []),
      ...(paged === 'both' ? ['before'] : []),
    ]
    const known = QUERY[`${method.toUpperCase()} ${path}`] ?? []
    assert.deepEqual([...known].sort(), described.sort(), `${method} ${path}`)
  }
})

test('the description is served without a key, with the address that it was asked at', async () => {
  const { app } = await setup()
  const answer = await app.request('http://mail.example:3000/openapi.json')
  const { servers, ...rest } = (await answer.json()) as ReturnType<typeof openApi>
  const { servers: _, ...expected } = openApi()
  assert.equal(answer.status, 200)
  assert.deepEqual(servers, [{ url: 'http://mail.example:3000' }])
  assert.deepEqual(rest, JSON.parse(JSON.stringify(expected)))
})

test('each operation and each schema has a name of its own', () => {
  const names = OPERATIONS.map(({ operationId }) => operationId)
  assert.equal(new Set(names).size, names.length)
  assert.ok(!JSON.stringify(openApi()).includes('"additionalProperties":false'))
})
