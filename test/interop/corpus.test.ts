import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { before, describe, test } from 'node:test'
import { indexMessage, MimeIndexer } from '@kabutar/mail/mime/indexer.ts'
import { previewOf } from '@kabutar/mail/mime/preview.ts'
import { tilingFaults } from '@kabutar/mail/mime/tiling.contract.ts'
import { type ReadMessage, readMessage } from '@kabutar/mail/parse.ts'
import { bodyStructureOf, envelopeOf } from '@kabutar/testing/body-structure.ts'
import { type ParsedMail, simpleParser } from 'mailparser'
import { filesOf, installDebian } from './debian.ts'

const CORPORA = [
  { name: 'golang-github-jhillyerd-enmime-dev', pattern: /\/testdata\/.*\.(raw|eml|golden|txt)$/, atLeast: 90 },
  { name: 'libpython3.11-testsuite', pattern: /\/test_email\/data\/msg_.*\.txt$/, atLeast: 45 },
] as const

/**
 * What we tell otherwise than mailparser: we list text parts that have a name and messages of a digest (people save
 * them), and a message/delivery-status (it shows it as text); it makes an attachment of what has an unreadable media
 * type (RFC 2045 section 5.2: it is plain text), and takes one of two addresses that no comma parts.
 */
const DIFFERENCES: Readonly<Record<string, readonly [ours: unknown, theirs: unknown]>> = {
  'inlinemultipart.raw attachments': [2, 1],
  'malformed-multiple-address-header-values.raw from': [['bob@extern', 'bobby@extern'], ['bob@extern']],
  'malformed-multiple-address-header-values.raw attachments': [2, 1],
  'chardet-fail.raw attachments': [1, 0],
  'empty-ctype-bad-content.raw attachments': [0, 1],
  'header-only.raw attachments': [1, 0],
  'nestedmulti.raw attachments': [2, 0],
  'msg_02.txt attachments': [5, 0],
  'msg_04.txt attachments': [2, 0],
  'msg_05.txt from': [['foo'], ['']],
  'msg_14.txt attachments': [0, 1],
  'msg_16.txt attachments': [2, 1],
  'msg_30.txt attachments': [2, 0],
  'msg_34.txt attachments': [1, 0],
  'msg_43.txt attachments': [2, 1],
  'msg_44.txt attachments': [2, 0],
}

/**
 * Texts that we read otherwise than mailparser, white space aside. Ours is text where it shows marks of damage or nothing:
 * bytes without a character set that aren't UTF-8, and parts whose media type can't be read (RFC 2045 section 5.2). The
 * messages of a digest have the head that people read, not all their fields, and empty parts make no HTML.
 */
const TEXTS: ReadonlySet<string> = new Set([
  'chardet-fail.raw text',
  'chardet-success-big-5.raw text',
  'chardet-success-iso-8859-1.raw text',
  'empty-ctype-bad-content.raw text',
  'msg_02.txt text',
  'msg_08.txt html',
  'msg_09.txt html',
  'msg_10.txt text',
  'msg_12.txt html',
  'msg_12a.txt html',
  'msg_14.txt text',
  'msg_17.txt text',
  'msg_25.txt text',
  'msg_28.txt text',
  'msg_30.txt text',
  'msg_31.txt text',
  'msg_40.txt html',
  'msg_41.txt text',
])

/** Facts about a message that both parsers tell. */
function told(read: ReadMessage): Record<string, unknown> {
  return {
    subject: read.subject.replace(/\s+/g, ' '),
    from: read.from.map(({ address }) => address),
    attachments: read.attachments.length,
  }
}

function toldByPeer(mail: ParsedMail): Record<string, unknown> {
  const from = mail.from?.value ?? []
  return {
    subject: (mail.subject ?? '').replace(/\s+/g, ' '),
    from: from.map(({ address }) => address ?? ''),
    attachments: mail.attachments.length,
  }
}

const squeezed = (text: string | false | null | undefined) => (text || '').replace(/\s+/g, ' ').trim()

for (const { name, pattern, atLeast } of CORPORA) {
  describe(`messages of ${name}`, () => {
    let files: readonly string[] = []
    before(() => {
      installDebian([name])
      files = filesOf(name).filter((path) => pattern.test(path) && statSync(path).isFile())
    })
    test('every file is indexed, tiled and read', async () => {
      assert.ok(files.length >= atLeast, `${files.length} files`)
      for (const path of files) {
        const raw = readFileSync(path)
        const index = indexMessage(raw)
        assert.deepEqual(tilingFaults(raw, index), [], path)
        const indexer = new MimeIndexer()
        for (let at = 0; at < raw.length; at += 97) indexer.push(raw.subarray(at, at + 97))
        assert.deepEqual(indexer.finish(), index, path)
        for (const value of [envelopeOf(index), bodyStructureOf(index), previewOf(index, raw)]) JSON.stringify(value)
        readMessage(raw, index)
      }
    })
    test('texts are as mailparser reads them', async () => {
      const found = new Set<string>()
      for (const path of files) {
        const raw = readFileSync(path)
        const peer = await simpleParser(raw, { skipHtmlToText: true, skipTextLinks: true, keepCidLinks: true })
        const ours = readMessage(raw)
        if (squeezed(ours.text) !== squeezed(peer.text)) found.add(`${basename(path)} text`)
        if (squeezed(ours.html) !== squeezed(peer.html)) found.add(`${basename(path)} html`)
      }
      const known = [...TEXTS].filter((key) => files.some((path) => key.startsWith(`${basename(path)} `)))
      assert.deepEqual(found, new Set(known))
    })
    test('subject, sender and attachments are as mailparser tells them', async () => {
      const found: Record<string, unknown> = {}
      for (const path of files) {
        const raw = readFileSync(path)
        const peer = await simpleParser(raw).catch(() => undefined)
        if (peer === undefined) continue
        const [ours, theirs] = [told(readMessage(raw)), toldByPeer(peer)]
        for (const fact of Object.keys(ours)) {
          if (JSON.stringify(ours[fact]) !== JSON.stringify(theirs[fact])) {
            found[`${basename(path)} ${fact}`] = [ours[fact], theirs[fact]]
          }
        }
      }
      const known = Object.entries(DIFFERENCES).filter(([key]) =>
        files.some((path) => key.startsWith(`${basename(path)} `)),
      )
      assert.deepEqual(found, Object.fromEntries(known))
    })
  })
}
