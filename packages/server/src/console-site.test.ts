import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { consoleSite } from './console-site.ts'

describe('the site of the console', () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Kabutar</title>')
  writeFileSync(join(folder, 'assets/app-1a2b.js'), 'console.log(1)\n')
  writeFileSync(join(folder, 'secret.key'), 'no file of a page')
  const site = consoleSite(folder)
  const get = async (path: string, headers = {}) => {
    const answer = await site?.request(path, { headers })
    assert.ok(answer)
    return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) }
  }

  test('answers the page at its addresses, which nothing keeps', async () => {
    for (const path of ['/', '/console', '/console/messages/1']) {
      const { status, headers, bytes } = await get(path)
      assert.equal(status, 200, path)
      assert.match(bytes.toString(), /Kabutar/)
      assert.equal(headers.get('cache-control'), 'no-store')
      assert.match(headers.get('content-security-policy') ?? '', /^default-src 'self'; .*require-trusted-types-for/)
      assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe|https?:|\*/)
    }
  })

  test('answers assets for a year, compressed for whoever takes it', async () => {
    const { headers, bytes } = await get('/assets/app-1a2b.js', { 'accept-encoding': 'gzip, br' })
    assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.equal(headers.get('content-type'), 'text/javascript; charset=utf-8')
    assert.equal(gunzipSync(bytes).toString(), 'console.log(1)\n')
    assert.equal((await get('/assets/app-1a2b.js')).bytes.toString(), 'console.log(1)\n')
  })

  test('has no other files', async () => {
    for (const path of ['/secret.key', '/assets/other.js', '/../package.json', '/index.htm']) {
      assert.equal((await get(path)).status, 404, path)
    }
  })

  test('is not there before it was built', () => {
    assert.equal(consoleSite(join(folder, 'absent')), undefined)
  })
})
