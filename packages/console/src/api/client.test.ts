import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, createApi } from './client.ts'

function apiThatAnswers(status: number, body: unknown) {
  let signedOut = 0
  const api = createApi({
    fetch: async () => Response.json(body, { status }),
    key: () => undefined,
    onUnauthorized: () => signedOut++,
  })
  return { api, signedOut: () => signedOut }
}

test('only a refusal of the key or the session signs the reader out', async () => {
  const cases = [
    { status: 401, name: 'missing_api_key', signedOut: 1 },
    { status: 403, name: 'invalid_api_key', signedOut: 1 },
    { status: 403, name: 'invalid_access', signedOut: 1 },
    { status: 401, name: 'restricted_api_key', signedOut: 0 },
    { status: 403, name: 'validation_error', signedOut: 0 },
  ]
  for (const { status, name, signedOut } of cases) {
    const at = apiThatAnswers(status, { statusCode: status, name, message: 'No.' })
    await assert.rejects(
      at.api.get('/domains'),
      (error) => error instanceof ApiError && error.code === name && error.message === 'No.',
    )
    assert.equal(at.signedOut(), signedOut, name)
  }
})
