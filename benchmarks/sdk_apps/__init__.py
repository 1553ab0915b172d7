"""The little apps that ./dev bench sdk measures, each in a child process of its own."""
