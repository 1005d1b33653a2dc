# What the Pilot reads of Nomad: services, the allocations behind them and the nodes they are on. Nothing is written.
#   nomad acl policy apply -namespace default -job pilothouse pilothouse deploy/nomad/policy.hcl
namespace "*" {
  capabilities = ["list-jobs", "read-job"]
}

node {
  policy = "read"
}
