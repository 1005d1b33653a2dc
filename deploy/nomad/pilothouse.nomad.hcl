# The Pilot as a Nomad job: it registers itself, and finds its Nomad, and its Consul, by its own workload identity.
#   nomad acl policy apply -namespace default -job pilothouse pilothouse deploy/nomad/policy.hcl   # where ACLs are on
#   nomad job run -var consul_address=http://127.0.0.1:8500 deploy/nomad/pilothouse.nomad.hcl
# Settings are read again on `nomad alloc signal -s SIGHUP ALLOCATION`.

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

variable "count" {
  description = "Pilots, each on a host of its own; all serve the same"
  type        = number
  default     = 1
}

variable "driver" {
  description = "raw_exec, or exec where the client's chroot has Node"
  type        = string
  default     = "raw_exec"
}

variable "node" {
  description = "Node 24 or later on the clients"
  type        = string
  default     = "/usr/bin/node"
}

variable "pilothouse" {
  description = "the single-file build on the clients; or fetch it with `artifact`"
  type        = string
  default     = "/opt/pilothouse/pilothouse.cjs"
}

variable "artifact" {
  description = "URL of the single-file build, to be fetched into the task; the path above is not used then"
  type        = string
  default     = ""
}

variable "provider" {
  description = "where the Pilot registers itself: nomad or consul"
  type        = string
  default     = "nomad"
}

variable "consul_address" {
  description = "a Consul agent to read, e.g. http://127.0.0.1:8500; empty: none"
  type        = string
  default     = ""
}

variable "consul_identity" {
  description = "get a Consul token for the task (Nomad's `consul` block with a task_identity set up)"
  type        = bool
  default     = false
}

variable "bind" {
  description = "address that xDS and REST listen on; plaintext, so keep others out"
  type        = string
  default     = "0.0.0.0"
}

variable "xds_port" {
  type    = number
  default = 15010
}

variable "admin_port" {
  type    = number
  default = 15014
}

variable "arguments" {
  description = "more of `pilothouse serve`, e.g. [\"--config\", \"/etc/pilothouse/pilothouse.yaml\"]"
  type        = list(string)
  default     = []
}

job "pilothouse" {
  datacenters = var.datacenters
  type        = "service"

  # One after the other, each only when the one before serves.
  update {
    max_parallel     = 1
    health_check     = "checks"
    min_healthy_time = "5s"
    healthy_deadline = "5m"
    auto_revert      = true
  }

  group "pilot" {
    count = var.count

    constraint {
      operator = "distinct_hosts"
      value    = "true"
    }

    restart {
      attempts = 3
      interval = "1m"
      delay    = "1s"
      mode     = "delay"
    }

    # The last snapshot of each registry stays with the host, and moves with the allocation.
    ephemeral_disk {
      size    = 300
      sticky  = true
      migrate = true
    }

    network {
      port "xds" {
        static = var.xds_port
      }
      port "admin" {
        static = var.admin_port
      }
    }

    # Gone from the registry before the Pilot is told to stop.
    shutdown_delay = "5s"

    service {
      name     = "pilothouse"
      provider = var.provider
      port     = "xds"
      tags     = ["protocol=grpc"]

      check {
        name     = "ready"
        type     = "http"
        port     = "admin"
        path     = "/ready"
        interval = "5s"
        timeout  = "2s"
      }
    }

    service {
      name     = "pilothouse-admin"
      provider = var.provider
      port     = "admin"
      tags     = ["protocol=http"]

      check {
        name     = "live"
        type     = "http"
        path     = "/livez"
        interval = "10s"
        timeout  = "2s"
      }
    }

    task "pilothouse" {
      driver = var.driver

      config {
        command = var.node
        args = concat(
          [
            "--max-semi-space-size=8",
            "--initial-old-space-size=96",
            "--v8-pool-size=1",
            var.artifact == "" ? var.pilothouse : "local/pilothouse.cjs",
            "serve",
            "--nomad", "unix://${NOMAD_SECRETS_DIR}/api.sock",
            "--xds-address", "${var.bind}:${NOMAD_PORT_xds}",
            "--admin-address", "${var.bind}:${NOMAD_PORT_admin}",
            "--state-dir", "${NOMAD_ALLOC_DIR}/data/pilothouse",
          ],
          var.consul_address == "" ? [] : ["--consul", var.consul_address],
          var.arguments,
        )
      }

      # NOMAD_TOKEN for the start, and secrets/nomad_token, which Nomad renews, for the rest.
      identity {
        env  = true
        file = true
      }

      # CONSUL_HTTP_TOKEN of the task's own, in secrets/consul_token too.
      dynamic "consul" {
        for_each = var.consul_identity ? [1] : []
        content {}
      }

      dynamic "artifact" {
        for_each = var.artifact == "" ? [] : [var.artifact]
        content {
          source      = artifact.value
          destination = "local/pilothouse.cjs"
          mode        = "file"
        }
      }

      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      resources {
        cpu        = 200
        memory     = 256
        memory_max = 2048
      }
    }
  }
}
