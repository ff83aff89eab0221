/** Requests as proxies, old balancers and HTTP clients write them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { answered, type Case } from './case.ts'
import { api, type CaseRig, rawHttp } from './rig.ts'

const email = (word: string) =>
  JSON.stringify({ from: 'ada@kabutar.test', to: 'bob@far.test', subject: word, text: word })
const JSON_TYPE = 'Content-Type: application/json\r\n'
const head = ({ captures }: CaseRig, fields: string) =>
  `POST /emails HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${captures.apiKey}\r\n${fields}`

const statusOf = (answer: string) => answer.slice(9, 12)
const posted = (name: string, body: Uint8Array, fields: string, status: string) =>
  answered(
    name,
    async (rig) => {
      const request = `${head(rig, fields)}Content-Length: ${body.length}\r\n\r\n`
      return statusOf(await rawHttp(rig.captures, Buffer.concat([Buffer.from(request), body])))
    },
    status,
  )
const chunked = (name: string, body: Buffer, status: string) =>
  answered(
    name,
    async (rig) => {
      const start = `${head(rig, JSON_TYPE)}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`
      const request = Buffer.concat([Buffer.from(start), body, Buffer.from('\r\n0\r\n\r\n')])
      return statusOf(await rawHttp(rig.captures, request))
    },
    status,
  )
/** `KEY` in the request stands for an Authorization field. */
const requested = (name: string, request: string, status: string) =>
  answered(
    name,
    async ({ captures }) =>
      statusOf(await rawHttp(captures, request.replace('KEY\r\n', `Authorization: Bearer ${captures.apiKey}\r\n`))),
    status,
  )
const created = (name: string, endpoint: string) =>
  answered(
    name,
    async ({ captures }) => {
      const webhook = { endpoint, events: ['email.received'] }
      const { status, text, json } = await api(captures, 'POST', '/webhooks', webhook)
      if (json?.id) await api(captures, 'DELETE', `/webhooks/${json.id}`)
      return status === 201 ? status : text
    },
    201,
  )

const MARK = '\ufeff'

export const HTTP_REQUESTS: readonly Case[] = [
  {
    id: '38',
    source:
      'n8n-io/n8n#35933, fastify/secure-json-parse#5, hapijs/bourne#28, HarperFast/harper#1438, google/certificate-transparency#1109',
    symptom: 'JSON with a byte order mark is refused, and bodies in gzip or Latin-1 are misread',
    right:
      'A mark is ignored (RFC 8259 section 8.1); 415 for a Content-Encoding that is not understood (RFC 9110 section 15.5.16); 400 for bytes that are not UTF-8: a mail with U+FFFD in place of letters is not what was asked for.',
    checks: [
      posted('a mark, with Content-Length', Buffer.from(`${MARK}${email('a')}`), JSON_TYPE, '200'),
      chunked('a mark, chunked', Buffer.from(`${MARK}${email('a')}`), '200'),
      posted('gzip', gzipSync(email('a')), `${JSON_TYPE}Content-Encoding: gzip\r\n`, '415'),
      posted('identity', Buffer.from(email('a')), `${JSON_TYPE}Content-Encoding: identity\r\n`, '200'),
      posted(
        'Latin-1 is refused',
        Buffer.from(email('caf\u00e9'), 'latin1'),
        'Content-Type: application/json; charset=iso-8859-1\r\n',
        '400',
      ),
      posted(
        'no UTF-8',
        Buffer.concat([Buffer.from(email('a').slice(0, -2)), Buffer.from([0xff]), Buffer.from('"}')]),
        JSON_TYPE,
        '400',
      ),
      chunked('chunked', Buffer.from(email('ż')), '200'),
      posted('without Content-Type', Buffer.from(email('ż')), '', '200'),
    ],
  },
  {
    id: '39',
    source:
      'honojs/node-server#163, mattiasgeniar/varnish-6.0-configuration-templates#3, http-party/node-http-proxy#1050',
    symptom: 'GET /health in HTTP/1.0 without Host, as HAProxy and Nagios ask, is 400: the server counts as down',
    right: 'Host is required from HTTP/1.1 on (RFC 9112 section 3.2).',
    checks: [
      requested('HTTP/1.0 without Host', 'GET /health HTTP/1.0\r\n\r\n', '200'),
      requested('HTTP/1.0 with Host', 'GET /health HTTP/1.0\r\nHost: x\r\n\r\n', '200'),
      requested('HTTP/1.1 without Host', 'GET /health HTTP/1.1\r\n\r\n', '400'),
      requested('an underscore in Host', 'GET /health HTTP/1.1\r\nHost: my_service:3000\r\n\r\n', '200'),
      requested('HEAD', 'HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n', '200'),
      requested('the absolute form', 'GET http://x/health HTTP/1.1\r\nHost: x\r\n\r\n', '200'),
      requested('a double slash', 'GET //health HTTP/1.1\r\nHost: x\r\n\r\n', '200'),
      answered(
        'bearer in lower case',
        async ({ captures }) => {
          const request = 'GET /emails?limit=1 HTTP/1.1\r\nHost: x\r\nauthorization: bearer'
          return statusOf(await rawHttp(captures, `${request} ${captures.apiKey}\r\n\r\n`))
        },
        '200',
      ),
      requested(
        'Expect: 100-continue',
        'POST /emails HTTP/1.1\r\nHost: x\r\nKEY\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}',
        '100',
      ),
      requested(
        'Content-Length beside Transfer-Encoding',
        'POST /emails HTTP/1.1\r\nHost: x\r\nKEY\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        '400',
      ),
      requested('a broken percent sign', 'GET /emails/%zz HTTP/1.1\r\nHost: x\r\nKEY\r\n\r\n', '422'),
      requested(
        '50,000 brackets',
        `POST /emails HTTP/1.1\r\nHost: x\r\nKEY\r\nContent-Length: 100000\r\n\r\n${'['.repeat(50_000)}${']'.repeat(50_000)}`,
        '422',
      ),
    ],
  },
  {
    id: '40',
    source:
      'resend/resend-node#387, inboundemail/inbound#181, usesend/useSend#282, postalserver/postal#3488, mohamedboukari/bunmail#188',
    symptom: 'one Idempotency-Key sends twice, at the same time or with the fields in another order',
    right: 'One mail and one id; 409 for another body.',
    checks: [
      answered(
        'twelve at once, another order of fields, another body',
        async ({ relays, nextHop }) => {
          const mail = { from: 'ada@kabutar.test', to: 'twelve@far.test', subject: 'once', text: 't' }
          const key = { 'Idempotency-Key': 'twelve-at-once' }
          const many = await Promise.all(Array.from({ length: 12 }, () => api(relays, 'POST', '/emails', mail, key)))
          const ids = new Set(many.flatMap(({ status, json }) => (status === 200 ? [json.id] : [])))
          const { from, to, subject, text } = mail
          const reordered = await api(relays, 'POST', '/emails', { text, to: [to], subject, from }, key)
          const changed = await api(relays, 'POST', '/emails', { ...mail, text: 'u' }, key)
          await sleep(700)
          return {
            ids: ids.size,
            refused: many.filter(({ status }) => ![200, 409].includes(status)).length,
            mails: nextHop.messages.filter((message) => message.to.join().includes('twelve@')).length,
            reordered: ids.has(reordered.json?.id),
            changed: changed.status,
          }
        },
        { ids: 1, refused: 0, mails: 1, reordered: true, changed: 409 },
      ),
    ],
  },
  {
    id: '50',
    source: 'the kind of users of svix and n8n who have basic authentication in front of their endpoints',
    symptom: 'an endpoint with a user and a password in its URL is refused with 422',
    right: 'It is called with them: behind a proxy with basic authentication there is no other way.',
    checks: [
      created('user and password', 'http://user:pass@127.0.0.1:9/h'),
      created('an internationalized domain', 'https://bücher.example/h'),
      created('a query', 'http://127.0.0.1:9/h?token=x'),
    ],
  },
]
