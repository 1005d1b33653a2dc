package pilothouse.testbed;

import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.InstanceInfo.InstanceStatus;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** An application as any: it registers itself by `eureka.*` properties and answers its instance id. */
@SpringBootApplication
@RestController
public class Application {
  private final ApplicationInfoManager own;
  private final String id;
  private volatile String health = "UP";

  Application(
      ApplicationInfoManager own, @Value("${eureka.instance.instance-id}") String id) {
    this.own = own;
    this.id = id;
  }

  public static void main(String[] args) {
    SpringApplication.run(Application.class, args);
  }

  @GetMapping("/")
  String id() {
    return id;
  }

  /** Its own status, as applications set it that begin with STARTING and warm up. */
  @PostMapping("/status")
  void status(@RequestParam InstanceStatus value) {
    own.setInstanceStatus(value);
  }

  /** What its health check says; Eureka hears it where `eureka.client.healthcheck.enabled` is set. */
  @PostMapping("/health")
  void health(@RequestParam String value) {
    health = value;
  }

  @Bean
  HealthIndicator chosen() {
    return () -> Health.status(health).build();
  }
}
