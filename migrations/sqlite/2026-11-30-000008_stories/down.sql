DROP INDEX stories_call;
