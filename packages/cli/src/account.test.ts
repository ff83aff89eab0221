import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { jsonLog } from '@kabutar/server/log.ts'
import { readSettings } from '@kabutar/server/settings.ts'
import { startServer } from '@kabutar/server/wiring.ts'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'

const ACCOUNT = join(import.meta.dirname, 'account.ts')

for (const tls of ['off', 'on']) {
  test(`npm run account creates an account on the running server, HTTPS ${tls}`, async () => {
    const data = temporaryFolder()
    const { cert, key } = selfSigned('mail.example.com')
    const [certFile, keyFile] = [join(data, 'cert.pem'), join(data, 'key.pem')]
    writeFileSync(certFile, cert)
    writeFileSync(keyFile, key)
    const settings = readSettings(
      {
        KABUTAR_DATA: data,
        KABUTAR_HTTP: '127.0.0.1:0',
        KABUTAR_SMTP: 'off',
        KABUTAR_TLS_CERT: certFile,
        KABUTAR_TLS_KEY: keyFile,
        KABUTAR_HTTP_TLS: tls,
      },
      [],
    )
    const server = await startServer(settings, jsonLog('error'))
    try {
      assert.equal(new URL(server.url).protocol, tls === 'on' ? 'https:' : 'http:')
      const { stdout } = await promisify(execFile)(process.execPath, [ACCOUNT, 'create', 'Shop', '--data', data])
      assert.match(stdout, /^account [0-9a-f-]{36}\n\nIts API key, shown this once:\n\n {2}re_[\w-]+\n$/)
    } finally {
      await server.stop(1000)
    }
  })
}
