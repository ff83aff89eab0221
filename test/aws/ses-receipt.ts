type NotifiedMail = {
  readonly sesId: string
  readonly key: string
  readonly recipients: readonly string[]
  readonly receivedAt: Date
}

/** SES's notification about a mail that a receipt rule stored in the bucket, as in its documentation. */
export function notificationOf(mail: NotifiedMail): object {
  const pass = { status: 'PASS' }
  const timestamp = mail.receivedAt.toISOString()
  return {
    notificationType: 'Received',
    receipt: {
      timestamp,
      processingTimeMillis: 500,
      recipients: mail.recipients,
      spamVerdict: pass,
      virusVerdict: pass,
      spfVerdict: pass,
      dkimVerdict: pass,
      dmarcVerdict: pass,
      action: {
        type: 'S3',
        topicArn: 'arn:aws:sns:us-east-1:123456789012:Inbound',
        bucketName: 'kabutar',
        objectKey: mail.key,
      },
    },
    mail: {
      timestamp,
      source: 'eve@far.test',
      messageId: mail.sesId,
      destination: mail.recipients,
      headersTruncated: false,
      headers: [],
      commonHeaders: {},
    },
  }
}

/** S3's event of a new object. */
export function createdOf(key: string): object {
  const object = { key: encodeURIComponent(key), size: 1 }
  return { Records: [{ eventName: 'ObjectCreated:Put', eventTime: new Date().toISOString(), s3: { object } }] }
}
