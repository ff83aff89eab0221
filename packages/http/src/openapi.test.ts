import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setup } from '@kabutar/testing/http-rig.ts'
import { openApi } from './openapi.ts'
import { OPERATIONS } from './operations.ts'

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
