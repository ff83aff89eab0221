import { toHttp } from '@kabutar/aws/lambda/http.ts'
import { partLinks } from '@kabutar/aws/s3/part-links.ts'
import { createApp } from '@kabutar/http/app.ts'
import { blobPorts } from './blob-ports.ts'
import { identityPorts } from './identity-ports.ts'
import { allowPrivate, basicPorts, queuePorts, webhookPorts } from './ports.ts'

/** Where a write is billed by the kilobyte, whatever does not fit the message's own row is compressed. */
const PACK_ABOVE = 0

const stored = blobPorts()
const basic = basicPorts()
const ports = {
  ...basic,
  ...identityPorts(basic),
  ...stored,
  downloads: partLinks(stored.blobs),
  ...queuePorts('sendQueue', 'webhookQueue', 'receiveQueue'),
  ...webhookPorts(),
  packAbove: PACK_ABOVE,
  dictionaries: true,
  queueAfterRows: true,
  allowPrivate: allowPrivate(),
}

/** The whole HTTP API. Without an operator's token: accounts are made by who holds the AWS account, not over HTTP. */
export const handler = toHttp(createApp(ports), ports.log)
