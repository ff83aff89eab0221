/**
 * Preloaded into a sandbox: writes each request to AWS as a line of JSON before it is sent. Requests to webhook endpoints
 * use another client and are not written.
 */
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import type { ClientRequest } from 'node:http'

export type AwsCall = {
  readonly method: string
  readonly path: string
  /** `DynamoDB_20120810.GetItem`, for services that name the call in a header. */
  readonly target: string
  readonly copies: boolean
  /** The body, for calls that a header or a form names, and for the keys of objects that are deleted. */
  readonly body: string
}

const file = process.env.KABUTAR_TEST_CALLS
if (file) {
  subscribe('http.client.request.created', (message) => {
    const { request } = message as { request: ClientRequest }
    if (!isRuntime(request)) watch(file, request)
  })
}

/** True for the sandbox's own calls of Lambda's Runtime API. */
function isRuntime({ path }: ClientRequest): boolean {
  return /^\/20\d\d-\d\d-\d\d\/runtime\//.test(path)
}

function watch(to: string, request: ClientRequest): void {
  const target = String(request.getHeader('x-amz-target') ?? '')
  const copies = request.hasHeader('x-amz-copy-source')
  const isForm = /form-urlencoded/.test(String(request.getHeader('content-type') ?? ''))
  const keeps = target !== '' || isForm || /\?delete\b/.test(request.path)
  let body = ''
  const seen = (chunk: unknown) => {
    if (keeps && (typeof chunk === 'string' || chunk instanceof Uint8Array)) body += Buffer.from(chunk).toString()
  }
  request.write = new Proxy(request.write, {
    apply(write, self, args) {
      seen(args[0])
      return Reflect.apply(write, self, args)
    },
  })
  request.end = new Proxy(request.end, {
    apply(end, self, args) {
      seen(args[0])
      const call: AwsCall = { method: request.method, path: request.path, target, copies, body }
      appendFileSync(to, `${JSON.stringify(call)}\n`)
      return Reflect.apply(end, self, args)
    },
  })
}
