import { after } from 'node:test'
import { queueContract } from '@kabutar/core/ports/queue.contract.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { startSqsS3 } from '../../../../test/aws/sqs-s3.ts'
import { sqsQueue } from './queue.ts'

const servers = await startSqsS3()
after(() => servers.close())

queueContract('SQS', async () => {
  const urls = servers.createQueues('contract', 2)
  return {
    main: sqsQueue(servers.sqs, urls.main, { maxAttempts: 2, clock: systemClock }),
    deadLetters: sqsQueue(servers.sqs, urls.deadLetters, { maxAttempts: 99, clock: systemClock }),
  }
})
