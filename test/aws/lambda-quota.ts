import { serve } from './servers.ts'

/** Stands in for the two calls of Lambda that `npm run doctor` makes. */
export type LambdaQuota = {
  readonly endpoint: string
  concurrentExecutions: number
  /** Event source mappings: the queue's name and its maximum concurrency. */
  readonly mappings: Map<string, number>
  close(): void
}

export async function startLambdaQuota(): Promise<LambdaQuota> {
  const state = { concurrentExecutions: 1000, mappings: new Map<string, number>() }
  const { endpoint, close } = await serve(async (request, response) => {
    const answer = (status: number, json: object) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    const [path = ''] = (request.url ?? '').split('?')
    if (path === '/2016-08-19/account-settings') {
      return answer(200, { AccountLimit: { ConcurrentExecutions: quota.concurrentExecutions } })
    }
    if (path === '/2015-03-31/event-source-mappings') {
      const EventSourceMappings = [...quota.mappings].map(([queue, MaximumConcurrency]) => ({
        EventSourceArn: `arn:aws:sqs:us-east-1:123456789012:${queue}`,
        ScalingConfig: { MaximumConcurrency },
      }))
      return answer(200, { EventSourceMappings })
    }
    answer(404, { Type: 'User', Message: `${request.method} ${request.url}` })
  })
  const quota: LambdaQuota = { ...state, endpoint, close }
  return quota
}
