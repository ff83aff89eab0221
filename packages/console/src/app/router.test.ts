import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHash, parseHash } from './router.ts'

test('a URL tells path and parameters, and is made of them again', () => {
  const cases = [
    {
      hash: '#/messages/1?tab=timeline&to=a%2Bb%40x.test',
      path: ['messages', '1'],
      query: { tab: 'timeline', to: 'a+b@x.test' },
    },
    { hash: '#/', path: [], query: {} },
    { hash: '#/webhooks/a%2Fb', path: ['webhooks', 'a/b'], query: {} },
  ]
  for (const { hash, path, query } of cases) {
    assert.deepEqual(parseHash(hash), { path, query })
    assert.equal(formatHash(path, query), hash)
  }
})

test('what no page made is read without an error', () => {
  assert.deepEqual(parseHash(''), { path: [], query: {} })
  assert.deepEqual(parseHash('#messages'), { path: ['messages'], query: {} })
  assert.deepEqual(parseHash('#/%E0%A4%A'), { path: ['%E0%A4%A'], query: {} })
})

test('empty parameters are left out', () => {
  assert.equal(formatHash(['messages'], { q: '', to: undefined, status: 'failed' }), '#/messages?status=failed')
})
