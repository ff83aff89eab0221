import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curlOf } from './snippets.ts'

test('the curl command of a message has all that the API says of it, tags too, and none of what is empty', () => {
  const tags = [{ name: 'kind', value: 'order' }]
  const message = { from: 'a@kabutar.test', to: ["o'neil@far.test"], cc: [], subject: 's', html: null, text: 't', tags }
  const command = curlOf('http://127.0.0.1:3000/api/', message)
  const [, body = ''] = /-d '(.*)'$/.exec(command) ?? []
  const { cc: _, html: __, ...given } = message
  assert.deepEqual(JSON.parse(body.replaceAll("'\\''", "'")), given)
})
