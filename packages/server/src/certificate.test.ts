import assert from 'node:assert/strict'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, get } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Log } from '@kabutar/core/ports/log.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { selfSigned } from '@kabutar/testing/certificate.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { Certificate } from './certificate.ts'
import { readSettings } from './settings.ts'
import { startServer } from './wiring.ts'

/** A log that keeps its messages. */
function listLog(): { log: Log; lines: string[] } {
  const lines: string[] = []
  const add = (message: string) => void lines.push(message)
  return { log: { debug: add, info: add, warn: add, error: add }, lines }
}

/** Certificate files in a new folder. `replace` renames new files over the old ones, as renewals do. */
function certificateFiles(name: string) {
  const folder = temporaryFolder()
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const write = (path: string, pem: string) => {
    writeFileSync(`${path}.new`, pem)
    renameSync(`${path}.new`, path)
  }
  const replace = ({ cert, key }: { cert: string; key: string }) => {
    write(files.certFile, cert)
    write(files.keyFile, key)
  }
  replace(selfSigned(name))
  return { files, replace }
}

const NOT_RENEWED = 'the TLS certificate was not renewed: its files cannot be used'

test('a certificate is read again after its files have changed', () => {
  const { files, replace } = certificateFiles('old.test')
  const { log, lines } = listLog()
  const certificate = new Certificate(files, log)
  const old = certificate.context
  assert.equal(certificate.reload(), false)
  assert.equal(certificate.context, old)
  const renewed = selfSigned('new.test')
  replace(renewed)
  assert.equal(certificate.reload(), true)
  assert.deepEqual(certificate.pem, renewed)
  assert.notEqual(certificate.context, old)
  assert.deepEqual(lines, ['the TLS certificate was renewed'])
})

test('files that cannot be used leave the old certificate, are logged once, and count when they are mended', () => {
  const { files, replace } = certificateFiles('old.test')
  const { log, lines } = listLog()
  const certificate = new Certificate(files, log)
  const { context } = certificate
  const [one, other] = [selfSigned('new.test'), selfSigned('new.test')]
  for (const broken of [
    { cert: one.cert, key: other.key },
    { cert: 'no PEM', key: one.key },
  ]) {
    replace(broken)
    assert.equal(certificate.reload(), false)
    assert.equal(certificate.reload(), false)
    assert.equal(certificate.context, context)
  }
  assert.deepEqual(lines, [NOT_RENEWED, NOT_RENEWED])
  replace(one)
  assert.equal(certificate.reload(), true)
  assert.deepEqual(certificate.pem, one)
})

/** Answers the name in the certificate that the SMTP listener shows after STARTTLS. */
async function smtpName(port: number): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1')
  const line = async () => String((await once(socket, 'data'))[0])
  await line()
  socket.write('EHLO client.test\r\n')
  assert.match(await line(), /STARTTLS/)
  socket.write('STARTTLS\r\n')
  assert.match(await line(), /^220 /)
  const secure = connectTls({ socket, rejectUnauthorized: false })
  await once(secure, 'secureConnect')
  const name = nameOf(secure)
  secure.destroy()
  return name
}

/** Answers the status of GET /health over a new connection, and the name in the certificate. */
async function httpsName(url: string): Promise<{ name: string; status: number | undefined }> {
  const request: ClientRequest = get(`${url}/health`, { agent: new Agent(), rejectUnauthorized: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const name = nameOf(response.socket as TLSSocket)
  await text(response)
  request.destroy()
  return { name, status: response.statusCode }
}

const nameOf = (socket: TLSSocket) => String(socket.getPeerCertificate().subject.CN)

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition(); await systemClock.sleep(10)) {
    assert.ok(Date.now() < end, 'the condition does not come true')
  }
}

test('SMTP and HTTPS show a renewed certificate to new connections, and connections that are open stay', async () => {
  const { files, replace } = certificateFiles('old.test')
  const { log, lines } = listLog()
  const settings = readSettings(
    {
      KABUTAR_DATA: temporaryFolder(),
      KABUTAR_HTTP: '127.0.0.1:0',
      KABUTAR_SMTP: '127.0.0.1:0',
      KABUTAR_TLS_CERT: files.certFile,
      KABUTAR_TLS_KEY: files.keyFile,
      KABUTAR_HTTP_TLS: 'on',
    },
    [],
  )
  const sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 100, signal)
  const server = await startServer(settings, log, { ...systemClock, sleep })
  try {
    assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/)
    const smtpPort = Number(server.smtp?.split(':')[1])
    assert.deepEqual(await httpsName(server.url), { name: 'old.test', status: 200 })
    assert.equal(await smtpName(smtpPort), 'old.test')

    const open = connectTls({ port: Number(new URL(server.url).port), host: '127.0.0.1', rejectUnauthorized: false })
    await once(open, 'secureConnect')
    replace(selfSigned('new.test'))
    await until(() => lines.includes('the TLS certificate was renewed'))
    assert.deepEqual(await httpsName(server.url), { name: 'new.test', status: 200 })
    assert.equal(await smtpName(smtpPort), 'new.test')
    const { host } = new URL(server.url)
    open.write(`GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    assert.match(await text(open), /^HTTP\/1\.1 200 /)
  } finally {
    await server.stop(1000)
  }
})
