/** All that `traffic-transparent` shows, by sidecars that load what is called when it is first called. */
process.env.PILOTHOUSE_TEST_ON_DEMAND = '1'
await import('./traffic-transparent.test.ts')
