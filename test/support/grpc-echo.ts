/** A gRPC service with one method of each kind; its messages are JSON, so it needs no generated code. */
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js'
import type { App, AppSpec } from './app.ts'

/** `from` is the name of the application that answered. */
export interface Message {
  readonly text: string
  readonly from?: string
}

const serialize = (message: Message) => Buffer.from(JSON.stringify(message))
const deserialize = (bytes: Buffer) => JSON.parse(bytes.toString()) as Message
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/pilothouse.test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
})

export const echoService: ServiceDefinition = {
  Unary: method('Unary', false, false),
  ServerStream: method('ServerStream', false, true),
  ClientStream: method('ClientStream', true, false),
  Both: method('Both', true, true),
}

export async function startGrpcApp(spec: AppSpec): Promise<App> {
  let calls = 0
  const answer = (text: string): Message => ({ text, from: spec.name })
  const server = new Server()
  server.addService(echoService, {
    Unary(call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) {
      calls++
      done(null, answer(call.request.text))
    },
    ServerStream(call: ServerWritableStream<Message, Message>) {
      calls++
      for (const part of call.request.text.split(' ')) call.write(answer(part))
      call.end()
    },
    ClientStream(call: ServerReadableStream<Message, Message>, done: sendUnaryData<Message>) {
      calls++
      const parts: string[] = []
      call.on('data', (message: Message) => parts.push(message.text))
      call.on('end', () => done(null, answer(parts.join(' '))))
    },
    Both(call: ServerDuplexStream<Message, Message>) {
      calls++
      call.on('data', (message: Message) => call.write(answer(message.text)))
      call.on('end', () => call.end())
    },
  })
  const address = spec.address ?? '127.0.0.1'
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${address}:${spec.port ?? 0}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  return {
    name: spec.name,
    address,
    port,
    count: () => calls,
    stop: async () => server.forceShutdown(),
  }
}

export type GrpcKind = 'Unary' | 'ServerStream' | 'ClientStream' | 'Both'

/**
 * One call with `text`; a stream sends or receives a message a word. Gives what came back: the words, and who answered.
 * `target` is any gRPC target, `authority` overrides the name in it. Throws grpc-js's ServiceError.
 */
export async function grpcCall(
  target: string,
  kind: GrpcKind,
  text: string,
  options: { authority?: string; timeout?: number; client?: Client } = {},
): Promise<{ words: string[]; from: string[] }> {
  const client = options.client ?? grpcClient(target, options.authority)
  try {
    const messages = await callWith(client as never, kind, text, Date.now() + (options.timeout ?? 5000))
    return {
      words: messages.flatMap((m) => m.text.split(' ')),
      from: [...new Set(messages.map((m) => m.from ?? ''))],
    }
  } finally {
    if (!options.client) client.close()
  }
}

export function grpcClient(target: string, authority?: string): Client {
  const EchoClient = makeGenericClientConstructor(echoService, 'Echo')
  const options = authority ? { 'grpc.default_authority': authority } : {}
  return new EchoClient(target, credentials.createInsecure(), options) as unknown as Client
}

interface EchoClient {
  Unary(request: Message, options: object, done: (error: Error | null, answer?: Message) => void): void
  ServerStream(request: Message, options: object): ClientReadableStream<Message>
  ClientStream(
    options: object,
    done: (error: Error | null, answer?: Message) => void,
  ): ClientWritableStream<Message>
  Both(options: object): ClientDuplexStream<Message, Message>
}

function callWith(client: EchoClient, kind: GrpcKind, text: string, deadline: number): Promise<Message[]> {
  const options = { deadline }
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, answer?: Message) => (error ? reject(error) : resolve([answer!]))
    const collect = (stream: ClientReadableStream<Message>) => {
      const messages: Message[] = []
      stream.on('data', (message: Message) => messages.push(message))
      stream.on('error', reject)
      stream.on('end', () => resolve(messages))
    }
    const send = (stream: ClientWritableStream<Message>) => {
      for (const word of text.split(' ')) stream.write({ text: word })
      stream.end()
    }
    switch (kind) {
      case 'Unary':
        return client.Unary({ text }, options, done)
      case 'ServerStream':
        return collect(client.ServerStream({ text }, options))
      case 'ClientStream':
        return send(client.ClientStream(options, done))
      case 'Both': {
        const stream = client.Both(options)
        collect(stream)
        return send(stream)
      }
    }
  })
}
