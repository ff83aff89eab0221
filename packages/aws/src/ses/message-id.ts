/** The Message-ID that SES puts in place of ours; replies and threads name this one. */
export function sesMessageId(relayId: string, region: string): string {
  return `<${relayId}@${region === 'us-east-1' ? 'email' : region}.amazonses.com>`
}
