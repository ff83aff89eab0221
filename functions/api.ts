import { toHttp } from '@kabutar/aws/lambda/http.ts'
import { partLinks } from '@kabutar/aws/s3/part-links.ts'
import { createApp } from '@kabutar/http/app.ts'
import { allowPrivate, basicPorts, blobPorts, identityPorts, queuePorts, webhookPorts } from './wiring.ts'

/** DynamoDB bills writes by the kilobyte, so whatever does not fit the message's own row is compressed. */
const PACK_ABOVE = 0

const stored = blobPorts(() => import('@kabutar/aws/s3/blobs.ts'))
const basic = basicPorts()
const ports = {
  ...basic,
  ...identityPorts(basic.table, () =>
    Promise.all([import('@kabutar/aws/ses/identities.ts'), import('@kabutar/aws/ses/receipt-rules.ts')]),
  ),
  ...stored,
  downloads: partLinks(stored.blobs),
  ...queuePorts('sendQueue', 'webhookQueue', 'receiveQueue'),
  ...webhookPorts(),
  packAbove: PACK_ABOVE,
  dictionaries: true,
  queueAfterRows: true,
  allowPrivate: allowPrivate(),
}

/** The HTTP API. It has no operator token: accounts are created with access to the AWS account (`npm run account`). */
export const handler = toHttp(createApp(ports), ports.log)
