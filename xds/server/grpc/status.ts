/**
 * Status codes of gRPC (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md) as grpc-js has them. Only this file
 * of it is loaded: all of it is 14 MiB and 50 ms of each start.
 */
export { Status as status } from '@grpc/grpc-js/build/src/constants.js'
