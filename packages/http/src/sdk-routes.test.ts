/** Our own routes and those of the wire: a later version of the SDK must not meet something of ours under its path. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPERATIONS } from './operations.ts'

/** Every request of resend 6.38.0, by path. */
const SDK: Readonly<Record<string, readonly string[]>> = {
  '/emails': ['post', 'get'],
  '/emails/:id': ['get', 'patch'],
  '/emails/:id/cancel': ['post'],
  '/emails/:id/share': ['post'],
  '/emails/metrics': ['get'],
  '/emails/batch': ['post'],
  '/emails/:id/attachments': ['get'],
  '/emails/:id/attachments/:aid': ['get'],
  '/emails/receiving': ['get'],
  '/emails/receiving/:id': ['get'],
  '/emails/receiving/:id/attachments': ['get'],
  '/emails/receiving/:id/attachments/:aid': ['get'],
  '/domains': ['post', 'get'],
  '/domains/:id': ['get', 'patch', 'delete'],
  '/domains/:id/verify': ['post'],
  '/domains/claim': ['post'],
  '/domains/:id/claim': ['get'],
  '/domains/:id/claim/verify': ['post'],
  '/api-keys': ['post', 'get'],
  '/api-keys/:id': ['patch', 'delete'],
  '/webhooks': ['post', 'get'],
  '/webhooks/:id': ['get', 'patch', 'delete'],
  '/webhooks/:id/signing-secret/rotate': ['post'],
  '/webhooks/:id/events': ['get'],
  '/webhooks/:id/events/:eid': ['get'],
  '/webhooks/:id/events/:eid/replay': ['post'],
  '/webhooks/:id/events/:eid/attempts': ['get'],
  '/templates': ['post', 'get'],
  '/templates/:id': ['get', 'patch', 'delete'],
  '/templates/:id/publish': ['post'],
  '/templates/:id/duplicate': ['post'],
  '/suppressions': ['post', 'get'],
  '/suppressions/:id': ['get', 'delete'],
  '/suppressions/batch/add': ['post'],
  '/suppressions/batch/remove': ['post'],
  '/logs': ['get'],
  '/logs/:id': ['get'],
  '/usage': ['get'],
  '/inboxes': ['post', 'get'],
  '/inboxes/:id': ['get', 'patch', 'delete'],
  '/inboxes/:id/agent': ['get', 'patch'],
  '/inboxes/:id/threads': ['get'],
  '/inboxes/:id/threads/search': ['get'],
  '/inboxes/:id/threads/:tid': ['get', 'patch', 'delete'],
  '/inboxes/:id/threads/:tid/emails': ['get'],
  '/inboxes/:id/threads/:tid/emails/:eid': ['get'],
  '/inboxes/:id/threads/:tid/emails/:eid/reply': ['post'],
  '/inboxes/:id/threads/:tid/emails/:eid/forward': ['post'],
  '/inboxes/:id/threads/:tid/labels': ['post', 'put'],
  '/inboxes/:id/threads/:tid/labels/:lid': ['delete'],
  '/inboxes/:id/labels': ['post', 'get'],
  '/inboxes/:id/labels/:lid': ['patch', 'delete'],
  '/inboxes/:id/drafts': ['post', 'get'],
  '/inboxes/:id/drafts/:did': ['get', 'patch', 'delete'],
  '/inboxes/:id/drafts/:did/send': ['post'],
  '/contacts': ['post', 'get'],
  '/contacts/:id': ['get', 'patch', 'delete'],
  '/contacts/imports': ['post', 'get'],
  '/contacts/imports/:id': ['get'],
  '/contacts/:id/segments': ['get'],
  '/contacts/:id/segments/:sid': ['post', 'delete'],
  '/contacts/:id/topics': ['get', 'patch'],
  '/audiences/:id/contacts': ['post', 'get'],
  '/segments': ['post', 'get'],
  '/segments/:id': ['get', 'patch', 'delete'],
  '/segments/:id/contacts': ['get'],
  '/topics': ['post', 'get'],
  '/topics/:id': ['get', 'patch', 'delete'],
  '/contact-properties': ['post', 'get'],
  '/contact-properties/:id': ['get', 'patch', 'delete'],
  '/broadcasts': ['post', 'get'],
  '/broadcasts/:id': ['get', 'patch', 'delete'],
  '/broadcasts/:id/send': ['post'],
  '/broadcasts/:id/cancel': ['post'],
  '/broadcasts/:id/duplicate': ['post'],
  '/broadcasts/:id/recipients': ['get'],
  '/broadcasts/:id/clicked-links': ['get'],
  '/automations': ['post', 'get'],
  '/automations/:id': ['get', 'patch', 'delete'],
  '/automations/:id/stop': ['post'],
  '/automations/:id/duplicate': ['post'],
  '/automations/:id/runs': ['get'],
  '/automations/:id/runs/:rid': ['get'],
  '/events': ['post', 'get'],
  '/events/:id': ['get', 'patch', 'delete'],
  '/events/send': ['post'],
  '/oauth/grants': ['get'],
  '/oauth/grants/:id': ['delete'],
}

/** Beyond the wire: everything else must be a route of the SDK. */
const OWN = [
  'get /health',
  'get /openapi.json',
  'post /session',
  'get /session',
  'delete /session',
  'post /emails/:id/view',
  'post /emails/receiving/:id/view',
  'get /view/:account/:direction/:id',
  'get /emails/:id/events',
  'get /emails/:id/content',
  'get /emails/:id/source',
  'post /emails/:id/send-again',
  'get /emails/receiving/:id/events',
  'get /emails/receiving/:id/content',
  'get /emails/receiving/:id/source',
  'post /webhooks/:id/test',
  'get /activity',
  'get /activity/changes',
  'get /stream',
  'get /accounts',
  'post /accounts',
  'patch /accounts/:id',
  'get /accounts/:id/keys',
  'post /accounts/:id/keys',
  'delete /accounts/:id/keys/:key',
  'post /accounts/:id/resume',
  'get /dead-letters',
  'get /dead-letters/:id',
  'post /dead-letters/redrive',
  'post /dead-letters/:id/redrive',
  'delete /dead-letters/:id',
  'delete /emails/:id',
  'delete /emails/receiving/:id',
  'post /emails/receiving/:id/reread',
  'post /emails/receiving/inject',
  'post /uploads',
  'put /uploads/:account/:blob',
  'get /downloads/:account/:blob',
  'get /downloads/parts/:account/:blob/:name',
]

/** Could one request mean either? A parameter stands for anything but `receiving`, whose routes come before `/emails/:id`. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split('/'), other.split('/')]
  const stands = (part: string | undefined, word: string | undefined) => part?.startsWith(':') && word !== 'receiving'
  return a.length === b.length && a.every((part, n) => part === b[n] || stands(part, b[n]) || stands(b[n], part))
}

test('what is not of the SDK is listed here', () => {
  const others = OPERATIONS.filter(({ method, path }) => !SDK[path]?.includes(method))
  assert.deepEqual(others.map(({ method, path }) => `${method} ${path}`).sort(), [...OWN].sort())
})

test('no route of our own takes a request of the SDK', () => {
  for (const own of OWN) {
    const [method = '', path = ''] = own.split(' ')
    const taken = Object.keys(SDK).filter((route) => SDK[route]?.includes(method) && overlap(route, path))
    assert.deepEqual(taken, [], own)
  }
})
