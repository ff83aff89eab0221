import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MailError } from '@kabutar/core/errors.ts'
import fc from 'fast-check'
import { parseCommand } from './parse-command.ts'
import { REPLY_CODES, replyOf, SmtpError, serialize } from './replies.ts'

const plain = { smtputf8: false, body8bit: false }
const from = { path: { address: 'a@b.test', utf8: false } }

const VALID: readonly { line: string; command: object }[] = [
  { line: 'EHLO x.test', command: { verb: 'EHLO', name: 'x.test' } },
  { line: 'helo [192.0.2.1]', command: { verb: 'HELO', name: '[192.0.2.1]' } },
  { line: 'EHLO under_score  ', command: { verb: 'EHLO', name: 'under_score' } },
  { line: 'MAIL FROM:<a@b.test>', command: { verb: 'MAIL', ...from, ...plain } },
  { line: 'mail from: <a@b.test> ', command: { verb: 'MAIL', ...from, ...plain } },
  { line: 'MAIL FROM:<>', command: { verb: 'MAIL', path: { address: '', utf8: false }, ...plain } },
  { line: 'MAIL FROM:<a@b.test> size=10', command: { verb: 'MAIL', ...from, ...plain, size: 10 } },
  { line: 'MAIL FROM:<a@b.test> BODY=7BIT', command: { verb: 'MAIL', ...from, ...plain } },
  {
    line: 'MAIL FROM:<a@b.test>  SIZE=10  BODY=8bitmime SMTPUTF8',
    command: { verb: 'MAIL', ...from, smtputf8: true, body8bit: true, size: 10 },
  },
  { line: 'MAIL FROM:a@b.test SIZE=10', command: { verb: 'MAIL', ...from, ...plain, size: 10 } },
  { line: 'MAIL FROM:<a@b.test> AUTH=<> SIZE=10', command: { verb: 'MAIL', ...from, ...plain, size: 10 } },
  { line: 'RCPT TO:<a@b.test>', command: { verb: 'RCPT', ...from } },
  { line: 'Rcpt To:<Postmaster>', command: { verb: 'RCPT', path: { address: 'postmaster', utf8: false } } },
  { line: 'DATA', command: { verb: 'DATA' } },
  { line: 'data  ', command: { verb: 'DATA' } },
  { line: 'NOOP x', command: { verb: 'NOOP' } },
  { line: 'VRFY x', command: { verb: 'VRFY' } },
]

const INVALID: readonly { line: string | Buffer; reply: string }[] = [
  { line: '', reply: '500 5.5.1' },
  { line: ' NOOP', reply: '500 5.5.1' },
  { line: 'NOOPE', reply: '500 5.5.1' },
  { line: 'MAILFROM:<>', reply: '500 5.5.1' },
  { line: 'TURN', reply: '502 5.5.1' },
  { line: 'BDAT 10 LAST', reply: '502 5.5.1' },
  { line: 'NO\0OP', reply: '500 5.5.2' },
  { line: 'NOOP\tx', reply: '500 5.5.2' },
  { line: 'NOOP\rNOOP', reply: '500 5.5.2' },
  { line: Buffer.from('RCPT TO:<\xff@b.test>', 'latin1'), reply: '500 5.5.2' },
  { line: 'EHLO', reply: '501 5.5.4' },
  { line: 'EHLO two words', reply: '501 5.5.4' },
  { line: 'EHLO bücher', reply: '501 5.5.4' },
  { line: 'MAIL', reply: '501 5.5.4' },
  { line: 'MAIL TO:<a@b.test>', reply: '501 5.5.4' },
  { line: 'MAIL FROM <a@b.test>', reply: '501 5.5.4' },
  { line: 'MAIL FROM:a', reply: '501 5.1.7' },
  { line: 'MAIL FROM:<postmaster>', reply: '501 5.1.7' },
  { line: 'MAIL FROM:<a@b.test>SIZE=1', reply: '501 5.5.4' },
  { line: 'MAIL FROM:<a@b.test> SIZE=', reply: '501 5.5.4' },
  { line: 'MAIL FROM:<a@b.test> SIZE', reply: '501 5.5.4' },
  { line: 'MAIL FROM:<a@b.test> SIZE=-1', reply: '501 5.5.4' },
  { line: 'MAIL FROM:<a@b.test> SIZE=1 SIZE=1', reply: '501 5.5.4' },
  { line: 'MAIL FROM:<a@b.test> BODY=BINARYMIME', reply: '501 5.5.4' },
  { line: 'MAIL FROM:<a@b.test> SMTPUTF8=1', reply: '501 5.5.4' },
  { line: 'MAIL FROM:<a@b.test> RET=HDRS', reply: '555 5.5.4' },
  { line: 'MAIL FROM:<jös@b.test>', reply: '553 5.6.7' },
  { line: 'RCPT TO:<>', reply: '501 5.1.3' },
  { line: 'RCPT TO:<a>', reply: '501 5.1.3' },
  { line: 'RCPT TO:<a@b.test> NOTIFY=NEVER', reply: '555 5.5.4' },
  { line: 'DATA now', reply: '501 5.5.4' },
  { line: 'RSET now', reply: '501 5.5.4' },
  { line: 'VRFY', reply: '501 5.5.4' },
]

describe('command lines', () => {
  for (const { line, command } of VALID) {
    test(`${JSON.stringify(line)} is parsed`, () => {
      assert.deepEqual(parseCommand(Buffer.from(line)), command)
    })
  }

  for (const { line, reply } of INVALID) {
    test(`${JSON.stringify(line.toString())} is answered ${reply}`, () => {
      const { code, status } = refusalOf(Buffer.from(line as string))!
      assert.equal(`${code} ${status}`, reply)
    })
  }

  test('any line is parsed or refused with one reply line', () => {
    const word = fc.constantFrom(
      'MAIL',
      'FROM:',
      'RCPT',
      'TO:',
      '<',
      '>',
      '@',
      'a',
      '.',
      '"',
      '\\',
      ' ',
      'SIZE=',
      '[',
      ':',
    )
    const almost = fc.array(fc.oneof(word, fc.string({ unit: 'binary' })), { maxLength: 40 })
    const lines = fc.oneof(
      almost.map((words) => Buffer.from(words.join(''))),
      almost.map((words) => Buffer.from(`RCPT TO:<${words.join('')}>`)),
      fc.uint8Array({ maxLength: 2_048 }).map((octets) => Buffer.from(octets)),
    )
    fc.assert(
      fc.property(lines, (line) => {
        const reply = refusalOf(line)
        return reply === undefined || /^5\d\d 5\.\d\.\d [ -~]{1,100}\r\n$/.test(serialize(reply))
      }),
      { seed: 5321, numRuns: 3_000 },
    )
  })

  test('lines that could be slow to parse are not', () => {
    for (const part of ['a.', '"', '\\', '@a,', 'a-', ' ', '<', 'x=y ']) {
      refusalOf(Buffer.from(`MAIL FROM:<${part.repeat(500)}`))
      refusalOf(Buffer.from(`MAIL FROM:<a@b.test> ${part.repeat(500)}\x01`))
    }
    const blanks = Buffer.from(`NOOP${' '.repeat(2000)}x `)
    const start = process.cpuUsage()
    for (let n = 0; n < 10_000; n++) parseCommand(blanks)
    const { user, system } = process.cpuUsage(start)
    assert.ok(user + system < 1_000_000, `${(user + system) / 1000} ms`)
  })
})

describe('replies to failures', () => {
  test('every reply code agrees with the class of its error', () => {
    for (const code of Object.keys(REPLY_CODES) as (keyof typeof REPLY_CODES)[]) {
      const reply = replyOf(new MailError(code, 'no'))
      assert.equal(String(reply.code)[0], reply.status?.[0], code)
    }
  })

  test('the text of an error adds no reply line', () => {
    const reply = replyOf(new MailError('relay_denied', `no\r\n250 ok ü${'x'.repeat(600)}`))
    const text = serialize(reply)
    assert.match(text, /^550 5\.7\.1 no\?250 ok \?x+\r\n$/)
    assert.ok(text.length <= 512)
  })
})

function refusalOf(line: Buffer) {
  try {
    parseCommand(line)
    return undefined
  } catch (error) {
    if (error instanceof SmtpError) return error.reply
    throw error
  }
}
