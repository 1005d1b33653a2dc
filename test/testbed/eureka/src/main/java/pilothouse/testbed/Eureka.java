package pilothouse.testbed;

import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.cloud.netflix.eureka.server.EnableEurekaServer;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;

/** The Eureka server of Spring Cloud Netflix; with `testbed.credentials=user:password` it wants basic authentication. */
@SpringBootApplication
@EnableEurekaServer
public class Eureka {
  public static void main(String[] args) {
    SpringApplication.run(Eureka.class, args);
  }

  @Bean
  @ConditionalOnProperty("testbed.credentials")
  FilterRegistrationBean<Filter> basicAuthentication(
      @Value("${testbed.credentials}") String credentials) {
    String wanted =
        "Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8));
    Filter filter =
        (request, response, chain) -> {
          if (wanted.equals(((HttpServletRequest) request).getHeader("Authorization"))) {
            chain.doFilter(request, response);
            return;
          }
          HttpServletResponse answer = (HttpServletResponse) response;
          answer.setHeader("WWW-Authenticate", "Basic realm=\"eureka\"");
          answer.sendError(HttpServletResponse.SC_UNAUTHORIZED);
        };
    FilterRegistrationBean<Filter> registration = new FilterRegistrationBean<>(filter);
    registration.setOrder(Ordered.HIGHEST_PRECEDENCE);
    return registration;
  }
}
